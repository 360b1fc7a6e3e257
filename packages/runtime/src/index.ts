export { abortAfter } from './abort-after.ts';
export { ALLOCATOR_ENVIRONMENT } from './allocator-environment.ts';
export { findProgram, isProgram } from './find-program.ts';
export { identifyProcess, isSameProcessAlive, type ProcessIdentity, processField } from './process-identity.ts';
export { StartError } from './start-error.ts';
export { withinDeadline } from './within-deadline.ts';
