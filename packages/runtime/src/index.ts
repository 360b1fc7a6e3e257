export { abortAfter } from './abort-after.ts';
export { identifyProcess, isSameProcessAlive, type ProcessIdentity, processField } from './process-identity.ts';
