import { bytesOfHeader, MAX_HEADER_BYTES, OPCODES, writeHeader } from './frame-header.ts';
import { applyMask } from './masking.ts';
import type { SendQueue } from './send-queue.ts';

export const NOTHING = Buffer.alloc(0);

/** Where a message lies in memory while it is delivered. */
export class MessageInPlace {
  /** The message itself, not masked. */
  payload: Buffer = NOTHING;
  isBinary = false;
  /** The chunk that it came in as one frame, which lies from `frameStart` to `frameEnd` as it came; `payload` is elsewhere then. */
  masked: Buffer | undefined = undefined;
  frameStart = 0;
  frameEnd = 0;
  /** Memory of its own, when it came in parts: room for a header, and the payload. */
  own: Buffer | undefined = undefined;
  /** Nothing came behind it. */
  isLast = false;
}

/**
 * Adds the message to a queue as a frame.
 * @param maskKeys - for a frame to a server
 */
export function appendMessage(
  queue: SendQueue,
  message: MessageInPlace,
  maskKeys: { next(): number } | undefined,
): void {
  const { payload, masked, own, isBinary } = message;
  if (masked && maskKeys) {
    queue.addCopy(masked, message.frameStart, message.frameEnd);
    return;
  }
  const maskKey = maskKeys?.next();
  const frame = { opcode: isBinary ? OPCODES.binary : OPCODES.text, payloadBytes: payload.length, maskKey };
  if (own) {
    if (maskKey !== undefined) applyMask(payload, maskKey);
    const start = MAX_HEADER_BYTES - bytesOfHeader(frame);
    writeHeader(own, start, frame);
    queue.addOwned(own.subarray(start));
  } else {
    queue.addHeader(frame);
    queue.addCopy(payload, 0, payload.length, maskKey);
  }
}
