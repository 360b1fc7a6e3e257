import type { Random } from './random.ts';

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const;

interface WireFrame {
  readonly opcode: number;
  readonly isFinal?: boolean;
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** What the header says of the length, if that is not the truth. */
  readonly claimedBytes?: number;
}

/** A WebSocket frame of a client, RFC 6455 §5.2, right or wrong as asked. */
function wire(random: Random, payload: Buffer, how: WireFrame): Buffer {
  const { opcode, isFinal = true, reserved = 0, isMasked = true, claimedBytes = payload.length } = how;
  const short = claimedBytes < 126 ? claimedBytes : claimedBytes < 65_536 ? 126 : 127;
  const head = Buffer.alloc(short < 126 ? 2 : short === 126 ? 4 : 10);
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | short;
  if (short === 126) head.writeUInt16BE(claimedBytes, 2);
  if (short === 127) head.writeBigUInt64BE(BigInt(claimedBytes), 2);
  if (!isMasked) return Buffer.concat([head, payload]);
  const key = random.bytes(4);
  return Buffer.concat([head, key, payload.map((byte, index) => byte ^ (key[index & 3] ?? 0))]);
}

/** The message in several frames, with a ping between them now and then: right, and rare. */
export function fragmented(random: Random, message: Buffer): Buffer {
  const parts: Buffer[] = [];
  const cuts = [0, random.below(message.length + 1), random.below(message.length + 1), message.length].sort(
    (left, right) => left - right,
  );
  for (let index = 0; index < 3; index += 1) {
    const opcode = index === 0 ? OPCODES.binary : OPCODES.continuation;
    parts.push(wire(random, message.subarray(cuts[index], cuts[index + 1]), { opcode, isFinal: index === 2 }));
    if (index < 2 && random.chance(0.5)) parts.push(wire(random, random.bytes(5), { opcode: OPCODES.ping }));
  }
  return Buffer.concat(parts);
}

/** Bytes after which nothing that this peer sends can be relied on: against RFC 6455, or in the middle of something. */
export function brokenWire(random: Random, message: Buffer): Buffer {
  const good = wire(random, message, { opcode: OPCODES.binary });
  const bad: readonly (() => Buffer)[] = [
    () => good.subarray(0, random.below(good.length)),
    () => Buffer.from(good.map((byte, index) => (index === 0 ? byte ^ (1 << random.below(7)) : byte))),
    () => Buffer.from(good.map((byte, index) => (index === 1 ? byte ^ (1 << random.below(8)) : byte))),
    () => random.bytes(1 + random.below(300)),
    () => wire(random, message, { opcode: OPCODES.binary, isMasked: false }),
    () => wire(random, message, { opcode: OPCODES.text }),
    () => wire(random, message, { opcode: OPCODES.continuation }),
    () => wire(random, message, { opcode: OPCODES.binary, reserved: 1 + random.below(7) }),
    () => wire(random, message, { opcode: 3 + random.below(5) }),
    () => wire(random, random.bytes(126 + random.below(300)), { opcode: OPCODES.ping }),
    () => wire(random, random.bytes(3), { opcode: OPCODES.ping, isFinal: false }),
    () => wire(random, random.bytes(random.below(4)), { opcode: OPCODES.close }),
    () => wire(random, message, { opcode: OPCODES.binary, claimedBytes: 2 ** (20 + random.below(33)) }),
    () => wire(random, message, { opcode: OPCODES.binary, claimedBytes: random.below(70_000) }),
    () => Buffer.concat([0, 1].map(() => wire(random, message, { opcode: OPCODES.binary, isFinal: false }))),
  ];
  return random.pick(bad)();
}
