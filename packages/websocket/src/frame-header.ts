import type { ProtocolViolation } from './protocol-violation.ts';
import { violation } from './protocol-violation.ts';

/*
 * RFC 6455 §5.2, the header of a frame:
 *
 *   byte   bits  content
 *   0      1     FIN
 *          3     RSV1-3, 0: no extension is ever agreed on
 *          4     opcode
 *   1      1     MASK: 1 from a client, 0 from a server
 *          7     length, up to 125; 126: the next 2 bytes are the length; 127: the next 8 are
 *   2-9          0, 2 or 8 bytes of length, network order, always the shortest form
 *   …            4 bytes of masking key, from a client
 */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export const FIN = 0x80;
export const MASKED = 0x80;
const MASK_KEY_BYTES = 4;
export const MAX_CONTROL_BYTES = 125;
/** The longest header: 2 bytes, 8 of length, 4 of key. */
export const MAX_HEADER_BYTES = 14;

const RESERVED_BITS = 0x70;
const OPCODE_BITS = 0x0f;
const LENGTH_BITS = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_16_BIT = 0xffff;
const TWO_TO_32 = 2 ** 32;

export type OpcodeValue = (typeof OPCODES)[keyof typeof OPCODES];

/** The header of an unfragmented frame. */
export interface FrameToWrite {
  readonly opcode: OpcodeValue;
  readonly payloadBytes: number;
  /** As the four bytes read as a little-endian number; undefined for a frame that is not masked. */
  readonly maskKey: number | undefined;
}

/** Which end of the connection we are: clients mask what they send, servers do not (§5.1). */
export type Role = 'client' | 'server';

/** Bytes of a header without a masking key, for a payload of this length. */
function headerBytes(payloadBytes: number): number {
  if (payloadBytes < LENGTH_16) return 2;
  return payloadBytes <= MAX_16_BIT ? 4 : 10;
}

/** Bytes of the whole header of such a frame. */
export function bytesOfHeader({ payloadBytes, maskKey }: Omit<FrameToWrite, 'opcode'>): number {
  return headerBytes(payloadBytes) + (maskKey === undefined ? 0 : MASK_KEY_BYTES);
}

/**
 * Writes a header.
 * @param offset - where it begins in `target`, which has room for it
 * @returns where the payload begins
 */
export function writeHeader(target: Buffer, offset: number, frame: FrameToWrite): number {
  const { opcode, payloadBytes, maskKey } = frame;
  const masked = maskKey === undefined ? 0 : MASKED;
  target[offset] = FIN | opcode;
  let next = offset + 2;
  if (payloadBytes < LENGTH_16) {
    target[offset + 1] = masked | payloadBytes;
  } else if (payloadBytes <= MAX_16_BIT) {
    target[offset + 1] = masked | LENGTH_16;
    target[next] = payloadBytes >>> 8;
    target[next + 1] = payloadBytes & 0xff;
    next += 2;
  } else {
    target[offset + 1] = masked | LENGTH_64;
    target.writeUInt32BE(Math.floor(payloadBytes / TWO_TO_32), next);
    target.writeUInt32BE(payloadBytes % TWO_TO_32, next + 4);
    next += 8;
  }
  if (maskKey === undefined) return next;
  target.writeUInt32LE(maskKey, next);
  return next + MASK_KEY_BYTES;
}

/** A header that was read; one object is used for all frames of a connection. */
export class FrameHeader {
  isFinal = false;
  opcode = 0;
  payloadBytes = 0;
  /** As in a `FrameToWrite`. */
  maskKey: number | undefined = undefined;
  /** How long the header was. */
  bytes = 0;

  get isControl(): boolean {
    return this.opcode >= OPCODES.close;
  }

  /**
   * Reads the header that begins at `offset`.
   * @param part.end - where the bytes end that are there
   * @param part.expectsMask - whether the peer is a client
   * @returns false when it is not there as a whole
   */
  read(
    from: Buffer,
    offset: number,
    { end, expectsMask }: { end: number; expectsMask: boolean },
  ): boolean | ProtocolViolation {
    const available = end - offset;
    if (available < 2) return false;
    const first = from[offset] as number;
    const second = from[offset + 1] as number;
    this.isFinal = (first & FIN) !== 0;
    this.opcode = first & OPCODE_BITS;
    const length = second & LENGTH_BITS;
    const lengthBytes = length < LENGTH_16 ? 0 : length === LENGTH_16 ? 2 : 8;
    if (first & RESERVED_BITS) return violation(1002, 'reserved bits are set');
    if (((second & MASKED) !== 0) !== expectsMask) return violation(1002, expectsMask ? 'not masked' : 'masked');
    if (this.isControl) {
      if (this.opcode > OPCODES.pong) return violation(1002, 'unknown opcode');
      if (!this.isFinal) return violation(1002, 'a fragmented control frame');
      if (lengthBytes > 0) return violation(1002, 'a control frame that is too long');
    } else if (this.opcode > OPCODES.binary) {
      return violation(1002, 'unknown opcode');
    }
    this.bytes = 2 + lengthBytes + (expectsMask ? MASK_KEY_BYTES : 0);
    if (available < this.bytes) return false;
    const payloadBytes = readLength(from, offset + 2, length);
    if (headerBytes(payloadBytes) !== 2 + lengthBytes)
      return violation(1002, 'a length that is not in its shortest form');
    this.payloadBytes = payloadBytes;
    this.maskKey = expectsMask ? from.readUInt32LE(offset + 2 + lengthBytes) : undefined;
    return true;
  }
}

function readLength(from: Buffer, offset: number, length: number): number {
  if (length < LENGTH_16) return length;
  if (length === LENGTH_16) return ((from[offset] as number) << 8) | (from[offset + 1] as number);
  // Beyond 2^53 not exact, and refused as too large anyway.
  return from.readUInt32BE(offset) * TWO_TO_32 + from.readUInt32BE(offset + 4);
}
