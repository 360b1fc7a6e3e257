import { decode, type StreamIds } from './stream-ids.ts';

/*
 * RelayMessageFrame, protobuf, as the Codex CLI sends it (docs/protocol.md, "Relay frame"):
 *
 *   field  name       wire type   content
 *   1      version    varint      1
 *   2      stream_id  length      UTF-8, a UUID in practice
 *   3      ack        varint
 *   4      ack_bits   varint
 *   5      data       length      {1 seq, 2 segment_index, 3 segment_count, 4 payload}
 *   6      ack_frame  length      {}
 *   7      resume     length      {1 next_seq}
 *   8      reset      length      {1 reason}
 *   9      heartbeat  length      {}
 *   10     handshake  length      {1 payload}
 *
 * Fields with their zero value are omitted. Exactly one of 5–10 is set.
 */

/** What a frame is, by the number of its body field. */
export type FrameKind = 'data' | 'ack' | 'resume' | 'reset' | 'heartbeat' | 'handshake';

/** All that routing needs to know of a frame. */
export interface FramePeek {
  readonly kind: FrameKind;
  readonly streamId: string;
}

/** Why a frame cannot be routed. Each is also the label of a metric. */
export const FRAME_REFUSALS = [
  'truncated',
  'malformed',
  'no_stream_id',
  'stream_id_too_long',
  'repeated_field',
  'no_body',
] as const;
export type FrameRefusal = (typeof FRAME_REFUSALS)[number];

export type PeekOutcome =
  | { readonly ok: true; readonly frame: FramePeek }
  | { readonly ok: false; readonly reason: FrameRefusal };

/** The CLI's stream ids are UUIDs, 36 characters. */
export const MAX_STREAM_ID_BYTES = 128;

const KIND_OF_FIELD: Readonly<Record<number, FrameKind>> = {
  5: 'data',
  6: 'ack',
  7: 'resume',
  8: 'reset',
  9: 'heartbeat',
  10: 'handshake',
};
const STREAM_ID_FIELD = 2;
const LAST_KNOWN_FIELD = 10;
const MAX_VARINT_BYTES = 10;
/** So many hold 32 bits. */
const MAX_USED_VARINT_BYTES = 5;
const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_LENGTH = 2;
const WIRE_FIXED32 = 5;

/** Reads tags and lengths forward; nothing is copied. */
class FieldCursor {
  offset = 0;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The next varint, or undefined when it is cut off or longer than a 32-bit number needs to be. */
  varint(): number | undefined {
    let value = 0;
    let unit = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count += 1) {
      const byte = this.bytes[this.offset];
      if (byte === undefined) return undefined;
      this.offset += 1;
      // Beyond 32 bits only the length of the varint matters here: such values are skipped, never used.
      if (count < MAX_USED_VARINT_BYTES) value += (byte & 0x7f) * unit;
      if ((byte & 0x80) === 0) return value;
      unit *= 0x80;
    }
    return undefined;
  }

  /** Moves past one value; false when the frame ends before it does. */
  skip(wireType: number): boolean {
    if (wireType === WIRE_VARINT) return this.varint() !== undefined;
    if (wireType === WIRE_LENGTH) {
      const length = this.varint();
      return length !== undefined && this.advance(length);
    }
    if (wireType === WIRE_FIXED64) return this.advance(8);
    return wireType === WIRE_FIXED32 && this.advance(4);
  }

  advance(length: number): boolean {
    this.offset += length;
    return this.offset <= this.bytes.length;
  }
}

/**
 * Finds the stream and the kind of a frame by walking its top-level fields; payloads are stepped over, never read.
 * A repeated field is refused: protobuf readers take the last one, so a frame that names two streams could be routed by one
 * of them and understood as the other.
 * @param streamIds - of the connection that the frame came from; makes its ids cheaper, and changes nothing else
 */
export function peekFrame(bytes: Uint8Array, streamIds?: StreamIds): PeekOutcome {
  const cursor = new FieldCursor(bytes);
  let seenFields = 0;
  let streamId: string | undefined;
  let kind: FrameKind | undefined;
  while (cursor.offset < bytes.length) {
    const tag = cursor.varint();
    if (tag === undefined) return refused('truncated');
    const field = tag >>> 3;
    const wireType = tag & 7;
    if (field === 0 || tag > 0xffff_ffff) return refused('malformed');
    if (field <= LAST_KNOWN_FIELD) {
      if (seenFields & (1 << field)) return refused('repeated_field');
      seenFields |= 1 << field;
      if ((field >= STREAM_ID_FIELD && field !== 3 && field !== 4) !== (wireType === WIRE_LENGTH))
        return refused('malformed');
    }
    if (field === STREAM_ID_FIELD) {
      const length = cursor.varint();
      if (length === undefined) return refused('truncated');
      if (length > MAX_STREAM_ID_BYTES) return refused('stream_id_too_long');
      const start = cursor.offset;
      if (!cursor.advance(length)) return refused('truncated');
      const end = start + length;
      streamId = streamIds ? streamIds.read(bytes, start, end) : decode(bytes, start, end);
      if (streamId === undefined) return refused('malformed');
    } else {
      const bodyKind = KIND_OF_FIELD[field];
      if (bodyKind && kind) return refused('repeated_field');
      kind = bodyKind ?? kind;
      if (!cursor.skip(wireType)) return refused('truncated');
    }
  }
  if (!streamId) return refused('no_stream_id');
  return kind ? { ok: true, frame: { kind, streamId } } : refused('no_body');
}

/** Encodes a reset of one stream: what a peer is told that sends into a stream which is not (or no longer) there. */
export function encodeReset(streamId: string, reason: string): Buffer {
  const body = lengthField(1, Buffer.from(reason));
  return Buffer.concat([
    Buffer.from([0x08, 0x01]),
    lengthField(STREAM_ID_FIELD, Buffer.from(streamId)),
    lengthField(8, body),
  ]);
}

function lengthField(field: number, content: Buffer): Buffer {
  return Buffer.concat([encodeVarint((field << 3) | WIRE_LENGTH), encodeVarint(content.length), content]);
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

function refused(reason: FrameRefusal): PeekOutcome {
  return { ok: false, reason };
}
