import { isUtf8 } from 'node:buffer';
import { MAX_CONTROL_BYTES } from './frame-header.ts';
import { type ProtocolViolation, violation } from './protocol-violation.ts';

/** There was no close frame, or one without a code (§7.1.5); never sent. */
export const CLOSED_WITHOUT_FRAME = 1006;
export const CLOSED_WITHOUT_CODE = 1005;

/** Whether a close frame may carry this code (§7.4): 1004 to 1006 and 1015 are reserved, 1016 to 2999 undefined. */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

/**
 * The payload of a close frame.
 * @throws {RangeError} for a code that may not be sent, or a reason above 123 bytes
 */
export function closePayload(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.alloc(0);
  if (!isSendableCloseCode(code)) throw new RangeError(`close code ${code} may not be sent`);
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  if (payload.length > MAX_CONTROL_BYTES) throw new RangeError('the reason of a close has at most 123 bytes');
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}

/** The code and reason of a received close frame (§5.5.1). */
export function readClosePayload(payload: Buffer): { code: number; reason: Buffer } | ProtocolViolation {
  if (payload.length === 0) return { code: CLOSED_WITHOUT_CODE, reason: payload };
  if (payload.length === 1) return violation(1002, 'a close frame with half a code');
  const code = payload.readUInt16BE(0);
  if (!isSendableCloseCode(code)) return violation(1002, 'a close code that may not be sent');
  const reason = payload.subarray(2);
  return isUtf8(reason) ? { code, reason } : violation(1007, 'a reason that is not UTF-8');
}
