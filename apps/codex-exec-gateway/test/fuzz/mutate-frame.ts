import { frame } from '../support/frames.ts';
import type { Random } from './random.ts';

const KINDS = ['data', 'ack', 'resume', 'heartbeat', 'handshake', 'data', 'data'] as const;
/** Bytes that mean something where they are put: tags, lengths at their limits, varints that go on. */
const TELLING = [0x00, 0x01, 0x08, 0x10, 0x12, 0x1a, 0x2a, 0x32, 0x3a, 0x42, 0x4a, 0x52, 0x5a, 0x7f, 0x80, 0x92, 0xff];
const LARGEST_NOISE_FRAME_BYTES = 262_144;

/** A frame as the CLI might send it, mostly small; a reset is none of them. */
export function validFrame(random: Random, streamId: string): Buffer {
  const kind = random.pick(KINDS);
  if (kind !== 'data' && kind !== 'handshake') return frame(kind, streamId);
  return frame(kind, streamId, random.bytes(random.chance(0.01) ? 20_000 : random.below(300)));
}

/** As long as a frame of a Noise peer may be. */
export function largestFrame(streamId: string): Buffer {
  const overhead = frame('data', streamId, Buffer.alloc(200_000)).length - 200_000;
  return frame('data', streamId, Buffer.alloc(LARGEST_NOISE_FRAME_BYTES - overhead));
}

/** Something that is nearly a frame. `other` is another frame, of which a part may get in. */
export function mutated(random: Random, base: Buffer, other: Buffer): Buffer {
  let bytes = base;
  for (let rounds = 1 + random.below(3); rounds > 0; rounds -= 1) bytes = mutateOnce(random, bytes, other);
  return bytes;
}

function mutateOnce(random: Random, base: Buffer, other: Buffer): Buffer {
  const bytes = Buffer.from(base);
  // The head, where the fields are told apart, more often than what follows.
  const at = random.below(random.chance(0.7) ? Math.min(bytes.length, 48) : bytes.length);
  switch (random.below(9)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = random.pick(TELLING);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes, other]); // every field twice
    case 6:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
    case 7: // an unknown field before the others
      return Buffer.concat([Buffer.from([0x5a, 3]), random.bytes(3), bytes]);
    default: // a varint that is longer than it has to be
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + random.below(11), 0x80), bytes.subarray(at)]);
  }
}

/** What a protobuf reader finds first: which stream, and whether a reset may be in it. */
export interface LooseRead {
  /** The last stream id, as bytes in latin1; undefined where there is none. */
  readonly streamId: string | undefined;
  readonly mayReset: boolean;
}

/** Reads as much of a frame as can be read, without judging it. Written apart from packages/relay-protocol. */
export function readLoosely(bytes: Buffer): LooseRead {
  let streamId: string | undefined;
  let mayReset = false;
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let index = 0; index < 10 && offset < bytes.length; index += 1) {
      const byte = bytes[offset] ?? 0;
      offset += 1;
      if (index < 5) value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) break;
    }
    return value;
  };
  while (offset < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field === 8) mayReset = true;
    if (wireType === 0) varint();
    else if (wireType === 1) offset += 8;
    else if (wireType === 5) offset += 4;
    else if (wireType === 2) {
      const length = varint();
      if (field === 2) streamId = bytes.toString('latin1', offset, offset + length);
      offset += length;
    } else break;
  }
  return { streamId, mayReset };
}
