import { unmasked } from '@codex-gateways/testing/bench';

/** Where the stream id begins and ends in a relay frame as the CLI makes it. */
const ID_START = 4;
const ID_END = ID_START + 36;

/** The id of a stream by its number, below 100, which its last two digits are: as long as a UUID. */
export function streamIdOf(number) {
  return `0f8fad5b-d9cb-469f-a165-7086772895${String(number).padStart(2, '0')}`;
}

/** A relay frame with data, `bytes` long in all. */
export function relayFrame(streamId, bytes) {
  const head = Buffer.concat([Buffer.from([0x08, 1, 0x12, streamId.length]), Buffer.from(streamId)]);
  for (let payloadBytes = bytes - head.length - 2; ; payloadBytes -= 1) {
    const frame = Buffer.concat([head, Buffer.from([0x2a]), varint(payloadBytes), Buffer.alloc(payloadBytes, 0x5a)]);
    if (frame.length <= bytes) return frame;
  }
}

/** Messages are told apart by the number of their stream. */
export const STREAM_LABEL = {
  bytes: ID_END,
  read(bytes, offset, isMasked) {
    const digit = (index) => (isMasked ? unmasked(bytes[offset + index], index) : bytes[offset + index]) - 0x30;
    return digit(ID_END - 2) * 10 + digit(ID_END - 1);
  },
};

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
