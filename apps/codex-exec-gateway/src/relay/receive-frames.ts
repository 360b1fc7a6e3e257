import type { CloseCodeName } from '@codex-gateways/service';
import type { WebSocket } from 'ws';
import type { RelayTally } from './relay-tally.ts';

/** One end of the relay, as its WebSocket sees it. */
export interface FrameReceiver {
  readonly isOver: boolean;
  close(name: CloseCodeName, reason: string): void;
}

/** Hands every binary message to `onFrame` until the connection is over. Text ends the connection: nobody speaks it here. */
export function receiveFrames(
  ws: WebSocket,
  receiver: FrameReceiver,
  { tally, onFrame }: { tally: RelayTally; onFrame: (bytes: Buffer) => void },
): void {
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    if (receiver.isOver) return;
    if (isBinary) {
      onFrame(data);
    } else {
      tally.drop('text_frame');
      receiver.close('unsupportedData', 'only binary relay frames are understood here');
    }
  });
  ws.on('error', (error: Error & { code?: string }) => {
    // ws has sent the close frame that fits; what remains is not to wait for the answer for long.
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      tally.drop('frame_too_large');
      receiver.close('messageTooBig', 'the frame is too large');
    } else {
      receiver.close('policyViolation', 'the connection does not follow RFC 6455');
    }
  });
}
