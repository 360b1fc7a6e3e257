/** Frames by hand, apart from the package's own encoder, so that a mistake there shows here. */

export interface HandMade {
  readonly opcode: number;
  readonly payload?: Buffer | string;
  readonly isFinal?: boolean;
  /** Masked with this key, as a client does. */
  readonly key?: Buffer;
  readonly reservedBits?: number;
  /** Announces this length in so many bytes instead of its own in the shortest form. */
  readonly announced?: { readonly length: number; readonly lengthBytes: 0 | 2 | 8 };
}

export const KEY = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

export function handMade({ opcode, payload = '', isFinal = true, key, reservedBits = 0, announced }: HandMade): Buffer {
  const bytes = Buffer.from(payload);
  const length = announced?.length ?? bytes.length;
  const lengthBytes = announced?.lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = (isFinal ? 0x80 : 0) | (reservedBits << 4) | opcode;
  head[1] = (key ? 0x80 : 0) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(length, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!key) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, key, bytes.map((byte, index) => byte ^ (key[index & 3] ?? 0))]);
}
