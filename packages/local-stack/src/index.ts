export { parseReplicas, type Replicas } from './replicas.ts';
export type { StackChild, StackReplica } from './service-group.ts';
export { StackError } from './stack-error.ts';
export { type LocalStack, type LocalStackOptions, startLocalStack } from './start-local-stack.ts';
