import { CLOSE_CODES, closeReason } from '@codex-gateways/service';
import { WebSocket } from 'ws';

/** How a connection ends, as a close frame says it. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** A closing of our own, from the table of codes. */
export function closing(name: keyof typeof CLOSE_CODES, reason: string): Closing {
  return { code: CLOSE_CODES[name].code, reason: closeReason(reason) };
}

/** Whether a close frame may carry this code (RFC 6455 §7.4): 1004 to 1006 and 1015 stand for the absence of one. */
export function isSendableCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

/** Begins the closing handshake of an open socket, and cuts the connection when the peer does not answer it in time. */
export function closeSocket(socket: WebSocket, { code, reason }: Closing, graceMs: number): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  socket.resume(); // a paused socket would not see the answer
  socket.close(code, closeReason(reason));
  const timer = setTimeout(() => socket.terminate(), graceMs);
  socket.once('close', () => clearTimeout(timer));
}
