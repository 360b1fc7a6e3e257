import { CLOSE_CODES, closeReason } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';

/** How a connection ends, as a close frame says it. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A closing of our own, from the table of codes. */
export function closing(name: keyof typeof CLOSE_CODES, reason: string): Closing {
  return { code: CLOSE_CODES[name].code, reason: closeReason(reason) };
}

/** How long a peer may take to answer a close frame, and to read what is queued before it. */
export const CLOSE_GRACE_MS = 2000;

/** Begins the closing handshake of an open socket, which cuts the connection when the peer does not answer in its time. */
export function closeSocket(socket: FrameSocket, { code, reason }: Closing): void {
  socket.resume(); // a paused socket would not see the answer
  socket.close(code, closeReason(reason));
}
