import { CLOSE_CODES, type CloseCodeName, closeReason } from '@codex-gateways/service';
import type { WebSocket } from 'ws';

/** How long a peer has to answer a close frame, and to read what is queued before it. */
export const CLOSE_GRACE_MS = 2000;

/** Closes with a code and words, and cuts the connection when the peer does not play along. */
export function closeSocket(ws: WebSocket, name: CloseCodeName, reason: string): void {
  ws.resume(); // the answer to the close frame has to be read
  ws.close(CLOSE_CODES[name].code, closeReason(reason));
  const timer = setTimeout(() => ws.terminate(), CLOSE_GRACE_MS);
  timer.unref();
  ws.once('close', () => clearTimeout(timer));
}
