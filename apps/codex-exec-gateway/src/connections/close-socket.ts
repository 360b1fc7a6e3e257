import { CLOSE_CODES, type CloseCodeName, closeReason } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';

/** How long a peer has to answer a close frame, and to read what is queued before it; then it is cut. */
export const CLOSE_GRACE_MS = 2000;

/** Closes with a code and words. */
export function closeSocket(ws: FrameSocket, name: CloseCodeName, reason: string): void {
  ws.resume(); // the answer to the close frame has to be read
  ws.close(CLOSE_CODES[name].code, closeReason(reason));
}
