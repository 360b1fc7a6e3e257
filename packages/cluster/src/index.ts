export {
  type DialOutcome,
  type DialRequest,
  dialReplica,
  dialReplicaSocket,
  type SocketDialOutcome,
} from './dial-replica.ts';
export { type Splice, type SpliceOptions, spliceSockets } from './splice-sockets.ts';
