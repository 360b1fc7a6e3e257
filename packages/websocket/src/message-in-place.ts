import { headerBytes, MASK_KEY_BYTES, OPCODES, writeHeader } from './frame-header.ts';
import { applyMask } from './masking.ts';
import type { SendQueue } from './send-queue.ts';

export const NOTHING = Buffer.alloc(0);

/** Where a message lies in memory while it is delivered. */
export class MessageInPlace {
  /** The message itself, not masked. */
  payload: Buffer = NOTHING;
  isBinary = false;
  /** Memory with the message in it, from `payloadStart` on. */
  bytes: Buffer = NOTHING;
  payloadStart = 0;
  /** There it is still masked, and `payload` is a copy. */
  isMasked = false;
  /** So many bytes right before the payload are nobody's: the header that it came with, or what is left of it. */
  headroomBytes = 0;
  /** The chunk that it ended in has nothing behind it. */
  isLast = false;
  /** The key that its sender had masked it with; undefined for one that was not, or had several. */
  maskKey: number | undefined = undefined;
}

/**
 * Adds the message to a queue as a frame, from where it lies.
 * @param maskKey - of the new frame; its own, when it has one and is still masked; undefined to a client
 */
export function appendInPlace(queue: SendQueue, message: MessageInPlace, maskKey: number | undefined): void {
  const { bytes, payloadStart, headroomBytes, isBinary } = message;
  const payloadBytes = message.payload.length;
  const end = payloadStart + payloadBytes;
  const change = changeOfMask(message, maskKey);
  if (change !== undefined) applyMask(bytes.subarray(payloadStart, end), change);
  const frame = { opcode: isBinary ? OPCODES.binary : OPCODES.text, payloadBytes, maskKey };
  const needed = headerBytes(payloadBytes) + (maskKey === undefined ? 0 : MASK_KEY_BYTES);
  if (needed <= headroomBytes) {
    writeHeader(bytes, payloadStart - needed, frame);
    queue.append(bytes, payloadStart - needed, end);
  } else {
    const head = Buffer.allocUnsafe(needed);
    writeHeader(head, 0, frame);
    queue.append(head, 0, needed);
    queue.append(bytes, payloadStart, end);
  }
}

/** What has to be applied to bytes that are masked or not, so that they are masked with this key or not at all. */
function changeOfMask({ isMasked, maskKey: itsKey }: MessageInPlace, key: number | undefined): number | undefined {
  if (!isMasked) return key;
  return key === undefined ? itsKey : undefined;
}
