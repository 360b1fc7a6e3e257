/*
 * Relay frames as the CLI sends them (docs/protocol.md, "Relay frame"), for tests to send and to take apart. Written apart
 * from packages/relay-protocol, so that a mistake there shows here.
 */

const BODY_FIELDS = { data: 5, ack: 6, resume: 7, reset: 8, heartbeat: 9, handshake: 10 } as const;
export type TestFrameKind = keyof typeof BODY_FIELDS;

/** @param payload - the bytes of the body's last field: a payload, or the reason of a reset */
export function frame(kind: TestFrameKind, streamId: string, payload: Buffer | string = ''): Buffer {
  const payloadField = kind === 'data' ? 4 : 1;
  const body = payload.length === 0 ? Buffer.alloc(0) : field(payloadField, Buffer.from(payload));
  return Buffer.concat([Buffer.from([0x08, 1]), field(2, Buffer.from(streamId)), field(BODY_FIELDS[kind], body)]);
}

/** The stream and reason of a reset frame; undefined for any other frame. */
export function readReset(bytes: Buffer): { streamId: string; reason: string } | undefined {
  const fields = readFields(bytes);
  const reset = fields.get(BODY_FIELDS.reset);
  if (!reset) return undefined;
  return { streamId: fields.get(2)?.toString() ?? '', reason: readFields(reset).get(1)?.toString() ?? '' };
}

function readFields(bytes: Buffer): Map<number, Buffer> {
  const fields = new Map<number, Buffer>();
  for (let offset = 0; offset < bytes.length; ) {
    const tag = bytes[offset] ?? 0;
    const [length, start] = readVarint(bytes, offset + 1);
    const isLength = (tag & 7) === 2;
    fields.set(tag >> 3, isLength ? bytes.subarray(start, start + length) : bytes.subarray(offset + 1, start));
    offset = isLength ? start + length : start;
  }
  return fields;
}

function readVarint(bytes: Buffer, start: number): [value: number, next: number] {
  let value = 0;
  let offset = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[offset] ?? 0;
    offset += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) return [value, offset];
  }
}

function field(number: number, content: Buffer): Buffer {
  const length: number[] = [];
  let rest = content.length;
  while (rest > 0x7f) {
    length.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content]);
}
