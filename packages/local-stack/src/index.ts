export { StackError } from './stack-error.ts';
export { type LocalStack, type LocalStackOptions, type StackChild, startLocalStack } from './start-local-stack.ts';
