export { type DialOutcome, type DialRequest, dialReplica } from './dial-replica.ts';
export { type Splice, type SpliceOptions, spliceSockets } from './splice-sockets.ts';
