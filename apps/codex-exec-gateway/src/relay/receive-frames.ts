import { CLOSE_CODES, type CloseCodeName } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { RelayTally } from './relay-tally.ts';

const MESSAGE_TOO_BIG = CLOSE_CODES.messageTooBig.code;

/** One end of the relay, as its WebSocket sees it. */
export interface FrameReceiver {
  readonly isOver: boolean;
  close(name: CloseCodeName, reason: string): void;
}

/** Hands every binary message to `onFrame` until the connection is over. Text ends the connection: nobody speaks it here. */
export function receiveFrames(
  ws: FrameSocket,
  receiver: FrameReceiver,
  { tally, onFrame }: { tally: RelayTally; onFrame: (bytes: Buffer) => void },
): void {
  ws.on('message', (data, isBinary) => {
    if (receiver.isOver) return;
    if (isBinary) {
      onFrame(data);
    } else {
      tally.drop('text_frame');
      receiver.close('unsupportedData', 'only binary relay frames are understood here');
    }
  });
  ws.on('error', ({ closeCode }) => {
    // The peer has been told already; what remains is to let go of the connection.
    if (closeCode === MESSAGE_TOO_BIG) {
      tally.drop('frame_too_large');
      receiver.close('messageTooBig', 'the frame is too large');
    } else {
      receiver.close('policyViolation', 'the connection does not follow RFC 6455');
    }
  });
}
