export { isSendableCloseCode } from './close-frame.ts';
export { type DialedWebSocket, dialWebSocket, type WebSocketToDial } from './dial.ts';
export type { Role } from './frame-header.ts';
export {
  FrameSocket,
  type FrameSocketEvents,
  type FrameSocketOptions,
  READY_STATES,
  type ReadyState,
} from './frame-socket.ts';
export { acceptOf, acceptWebSocket, type HandshakeRefusal, refuseHandshake } from './handshake.ts';
export { ProtocolViolation } from './protocol-violation.ts';
export { SocketMemory } from './socket-memory.ts';
