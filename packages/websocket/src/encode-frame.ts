import { headerBytes, MASK_KEY_BYTES, type OpcodeValue, writeHeader } from './frame-header.ts';
import { applyMask } from './masking.ts';

/** Up to this much is copied behind its header, to be one piece. */
const COPY_BELOW_BYTES = 1024;

export interface EncodedFrame {
  readonly head: Buffer;
  /** When `head` is only the header. */
  readonly payload: Buffer | undefined;
}

/**
 * An unfragmented frame. A large Buffer that is not masked is not copied; everything else is, so that the caller's bytes stay as they are.
 * @param maskKey - of a client's frame, as `writeHeader` takes it
 */
export function encodeFrame(opcode: OpcodeValue, data: Buffer | string, maskKey: number | undefined): EncodedFrame {
  const payloadBytes = Buffer.byteLength(data);
  const start = headerBytes(payloadBytes) + (maskKey === undefined ? 0 : MASK_KEY_BYTES);
  const isApart = typeof data !== 'string' && maskKey === undefined && payloadBytes >= COPY_BELOW_BYTES;
  const head = Buffer.allocUnsafe(isApart ? start : start + payloadBytes);
  writeHeader(head, 0, { opcode, payloadBytes, maskKey });
  if (isApart) return { head, payload: data };
  if (typeof data === 'string') head.write(data, start);
  else data.copy(head, start);
  if (maskKey !== undefined) applyMask(head.subarray(start), maskKey);
  return { head, payload: undefined };
}
