import fc from 'fast-check';
import { encodeReset, MAX_STREAM_ID_BYTES, peekFrame } from './frame.ts';
import { StreamIds } from './stream-ids.ts';

const STREAM = '0f8fad5b-d9cb-469f-a165-70867728950e';

/** A frame by hand: version 1, a stream id, one body field. */
function frame(streamId: string, bodyField: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const id = Buffer.from(streamId);
  return Buffer.concat([
    Buffer.from([0x08, 0x01, 0x12, id.length]),
    id,
    Buffer.from([(bodyField << 3) | 2]),
    varint(body.length),
    body,
  ]);
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value & 127) | 128]), varint(value >>> 7)]);
}

describe('peeking at a relay frame', () => {
  it.each([
    [5, 'data'],
    [6, 'ack'],
    [7, 'resume'],
    [8, 'reset'],
    [9, 'heartbeat'],
    [10, 'handshake'],
  ])('knows field %i as %s', (field, kind) => {
    expect(peekFrame(frame(STREAM, field, Buffer.alloc(300)))).toEqual({ ok: true, frame: { kind, streamId: STREAM } });
  });
  it('reads the resume frame that a harness opens a stream with (42 bytes)', () => {
    const bytes = Buffer.from(`08011224${Buffer.from(STREAM).toString('hex')}3a00`, 'hex');
    expect(bytes).toHaveLength(42);
    expect(peekFrame(bytes)).toEqual({ ok: true, frame: { kind: 'resume', streamId: STREAM } });
  });
  it('finds the stream wherever the field stands, and steps over ack, ack_bits and fields it does not know', () => {
    const id = Buffer.from(STREAM);
    const bytes = Buffer.concat([
      Buffer.from([0x2a, 0x02, 0xff, 0xff, 0x18, 0x96, 0x01, 0x20, 0x03, 0x58, 0x01]),
      Buffer.from([0x12, id.length]),
      id,
    ]);
    expect(peekFrame(bytes)).toEqual({ ok: true, frame: { kind: 'data', streamId: STREAM } });
  });
  it('takes a frame that starts in the middle of a larger buffer', () => {
    const bytes = frame(STREAM, 5, Buffer.from('x'));
    const padded = Buffer.concat([Buffer.alloc(7), bytes]).subarray(7);
    expect(peekFrame(padded)).toEqual({ ok: true, frame: { kind: 'data', streamId: STREAM } });
  });
  it('refuses a frame cut at any byte', () => {
    const bytes = frame(STREAM, 5, Buffer.from('payload'));
    for (let length = 0; length < bytes.length; length += 1) {
      expect(peekFrame(bytes.subarray(0, length)).ok).toBe(false);
    }
  });
  it('refuses two streams, or two bodies, in one frame', () => {
    const id = Buffer.from(STREAM);
    const second = Buffer.concat([Buffer.from([0x12, id.length]), id]);
    const reason = 'repeated_field';
    expect(peekFrame(Buffer.concat([frame(STREAM, 5), second]))).toEqual({ ok: false, reason });
    expect(peekFrame(Buffer.concat([frame(STREAM, 5), Buffer.from([0x2a, 0x00])]))).toEqual({ ok: false, reason });
    expect(peekFrame(Buffer.concat([frame(STREAM, 5), Buffer.from([0x42, 0x00])]))).toEqual({ ok: false, reason });
  });
  it('refuses a known field of another wire type', () => {
    expect(peekFrame(Buffer.from([0x10, 0x01]))).toEqual({ ok: false, reason: 'malformed' });
    expect(peekFrame(Buffer.concat([frame(STREAM, 5), Buffer.from([0x1a, 0x00])]))).toEqual({
      ok: false,
      reason: 'malformed',
    });
  });
  it('accepts the longest stream id and refuses one byte more', () => {
    const longest = 'a'.repeat(MAX_STREAM_ID_BYTES);
    const bytes = (id: string) =>
      Buffer.concat([Buffer.from([0x12]), varint(id.length), Buffer.from(id), Buffer.from([0x2a, 0x00])]);
    expect(peekFrame(bytes(longest))).toEqual({ ok: true, frame: { kind: 'data', streamId: longest } });
    expect(peekFrame(bytes(`${longest}a`))).toEqual({ ok: false, reason: 'stream_id_too_long' });
  });
  it('refuses a stream id that is no UTF-8: several would look like one', () => {
    const known = new StreamIds();
    for (const last of [0x80, 0xff, 0xc3]) {
      const bytes = Buffer.from([0x12, 2, 0x73, last, 0x2a, 0]);
      for (const ids of [undefined, known]) expect(peekFrame(bytes, ids)).toEqual({ ok: false, reason: 'malformed' });
    }
  });
  it('refuses a frame without a stream or without a body', () => {
    expect(peekFrame(Buffer.from([0x08, 0x01, 0x2a, 0x00]))).toEqual({ ok: false, reason: 'no_stream_id' });
    expect(peekFrame(frame(STREAM, 5).subarray(0, 40))).toEqual({ ok: false, reason: 'no_body' });
  });
  it('answers any bytes with an outcome', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const outcome = peekFrame(bytes);
        expect(outcome.ok ? outcome.frame.streamId.length > 0 : outcome.reason.length > 0).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a reset frame', () => {
  it('has these bytes', () => {
    expect(encodeReset('s1', 'gone').toString('hex')).toBe('08011202733142060a04676f6e65');
  });
  it('is itself routable', () => {
    expect(peekFrame(encodeReset(STREAM, 'x'.repeat(300)))).toEqual({
      ok: true,
      frame: { kind: 'reset', streamId: STREAM },
    });
  });
});
