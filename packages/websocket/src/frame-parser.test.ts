import fc from 'fast-check';
import { type HandMade, handMade, KEY } from '../test/frames.ts';
import { FrameParser, type FrameParserOptions } from './frame-parser.ts';
import { MAX_STASH_BYTES, StashPool } from './stash-pool.ts';

const MIB = 1024 * 1024;

interface Heard {
  readonly messages: { payload: Buffer; isBinary: boolean }[];
  readonly controls: { opcode: number; payload: string }[];
  violation?: number;
}

function listen(options: Partial<FrameParserOptions> = {}) {
  const heard: Heard = { messages: [], controls: [] };
  const parser = new FrameParser(
    { role: 'server', maxMessageBytes: 8 * MIB, validatesUtf8: true, stashes: new StashPool(), ...options },
    {
      onMessage: ({ payload, isBinary }) => void heard.messages.push({ payload: Buffer.from(payload), isBinary }),
      onControl: (opcode, payload) => void heard.controls.push({ opcode, payload: payload.toString('latin1') }),
      onViolation: ({ closeCode }) => {
        expect(heard.violation).toBeUndefined();
        heard.violation = closeCode;
      },
    },
  );
  return { parser, heard };
}

/** Longer chunks than any test has. */
const memory = Buffer.alloc(MAX_STASH_BYTES + 256 * 1024, 0xee);

/** A chunk as a socket gives it: in memory with room in front, which is somebody else's afterwards. */
function push(parser: FrameParser, chunk: Buffer): void {
  const end = MAX_STASH_BYTES + chunk.copy(memory, MAX_STASH_BYTES);
  if (end !== MAX_STASH_BYTES + chunk.length) throw new Error('a chunk is longer than the memory of these tests');
  parser.push(memory, MAX_STASH_BYTES, end);
  memory.fill(0xdd, 0, end);
}

function pushSplit(parser: FrameParser, bytes: Buffer, sizes: readonly number[]): void {
  let offset = 0;
  for (let turn = 0; offset < bytes.length; turn += 1) {
    const end = offset + Math.max(1, sizes[turn % sizes.length] ?? bytes.length);
    push(parser, bytes.subarray(offset, end));
    offset = end;
  }
}

describe('reading frames (RFC 6455 §5)', () => {
  it.each([
    ['a text message', 'client', '810548656c6c6f'],
    ['a masked text message', 'server', '818537fa213d7f9f4d5158'],
    ['a fragmented text message', 'client', '010348656c80026c6f'],
  ] as const)('reads %s, the example of §5.7, split at any byte', (_what, role, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    for (let at = 0; at <= bytes.length; at += 1) {
      const { parser, heard } = listen({ role });
      push(parser, Buffer.from(bytes.subarray(0, at)));
      push(parser, Buffer.from(bytes.subarray(at)));
      expect(heard).toEqual({ messages: [{ payload: Buffer.from('Hello'), isBinary: false }], controls: [] });
    }
  });

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 65_537])('reads messages of %i bytes', (length) => {
    const payload = Buffer.alloc(length, 'ab');
    for (const key of [KEY, undefined]) {
      const { parser, heard } = listen({ role: key ? 'server' : 'client' });
      pushSplit(parser, handMade({ opcode: 2, payload, ...(key ? { key } : {}) }), [3, 5000]);
      expect(heard.messages).toEqual([{ payload, isBinary: true }]);
    }
  });

  it('delivers control frames between the fragments of a message', () => {
    const { parser, heard } = listen();
    const frames = [
      handMade({ opcode: 1, payload: 'a', isFinal: false, key: KEY }),
      handMade({ opcode: 9, payload: 'ping', key: KEY }),
      handMade({ opcode: 0, payload: '', isFinal: false, key: KEY }),
      handMade({ opcode: 10, payload: 'pong', key: KEY }),
      handMade({ opcode: 0, payload: 'b', key: KEY }),
    ];
    for (const sizes of [[1], [7], [1000]]) pushSplit(parser, Buffer.concat(frames), sizes);
    expect(heard.messages).toEqual(Array(3).fill({ payload: Buffer.from('ab'), isBinary: false }));
    expect(heard.controls.slice(0, 2)).toEqual([
      { opcode: 9, payload: 'ping' },
      { opcode: 10, payload: 'pong' },
    ]);
  });

  it.each<[string, HandMade[], number]>([
    ['a frame that is not masked', [{ opcode: 2, payload: 'x' }], 1002],
    ['reserved bits', [{ opcode: 2, payload: 'x', key: KEY, reservedBits: 4 }], 1002],
    ['opcode 3', [{ opcode: 3, key: KEY }], 1002],
    ['opcode 11', [{ opcode: 11, key: KEY }], 1002],
    ['a fragmented ping', [{ opcode: 9, key: KEY, isFinal: false }], 1002],
    ['a ping of 126 bytes', [{ opcode: 9, key: KEY, payload: 'x'.repeat(126) }], 1002],
    ['a continuation of nothing', [{ opcode: 0, key: KEY }], 1002],
    [
      'a message within a message',
      [
        { opcode: 2, key: KEY, isFinal: false },
        { opcode: 2, key: KEY },
      ],
      1002,
    ],
    [
      'a short length in 2 bytes',
      [{ opcode: 2, key: KEY, payload: 'x', announced: { length: 1, lengthBytes: 2 } }],
      1002,
    ],
    [
      'a short length in 8 bytes',
      [{ opcode: 2, key: KEY, payload: 'x', announced: { length: 1, lengthBytes: 8 } }],
      1002,
    ],
    ['2^63 bytes', [{ opcode: 2, key: KEY, announced: { length: 2 ** 63, lengthBytes: 8 } }], 1009],
    ['a message over the limit', [{ opcode: 2, key: KEY, announced: { length: 1025, lengthBytes: 2 } }], 1009],
    [
      'fragments over the limit',
      [
        { opcode: 2, key: KEY, payload: 'x'.repeat(1024), isFinal: false },
        { opcode: 0, key: KEY, payload: 'x' },
      ],
      1009,
    ],
    ['text that is not UTF-8', [{ opcode: 1, key: KEY, payload: Buffer.from('c328', 'hex') }], 1007],
  ])('refuses %s, and reads nothing after it', (_what, frames, closeCode) => {
    for (const sizes of [[1], [1000]]) {
      const { parser, heard } = listen({ maxMessageBytes: 1024 });
      const bytes = [...frames, { opcode: 2, key: KEY, payload: 'after' }].map(handMade);
      pushSplit(parser, Buffer.concat(bytes), sizes);
      expect(heard).toEqual({ messages: [], controls: [], violation: closeCode });
    }
  });

  it('takes a message of just the limit, and refuses a masked one from a server', () => {
    const { parser, heard } = listen({ maxMessageBytes: 1024, role: 'client' });
    push(parser, handMade({ opcode: 2, payload: Buffer.alloc(1024) }));
    expect(heard.messages).toHaveLength(1);
    push(parser, handMade({ opcode: 2, key: KEY }));
    expect(heard.violation).toBe(1002);
  });

  it('takes UTF-8 whose characters are cut by fragments, and any text where it is told not to look', () => {
    const euro = Buffer.from('€');
    const { parser, heard } = listen();
    push(parser, handMade({ opcode: 1, key: KEY, payload: euro.subarray(0, 1), isFinal: false }));
    push(parser, handMade({ opcode: 0, key: KEY, payload: euro.subarray(1) }));
    expect(heard.messages).toEqual([{ payload: euro, isBinary: false }]);
    const lenient = listen({ validatesUtf8: false });
    push(lenient.parser, handMade({ opcode: 1, key: KEY, payload: Buffer.from([0xff]) }));
    expect(lenient.heard.messages).toHaveLength(1);
  });

  it('takes no memory for a message that was only announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 100 }, () => listen({ maxMessageBytes: 64 * MIB }).parser);
    for (const parser of parsers) {
      push(parser, handMade({ opcode: 2, key: KEY, payload: 'x', announced: { length: 64 * MIB, lengthBytes: 8 } }));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * MIB);
    expect(parsers).toHaveLength(100);
  });

  it('keeps no chunk alive for a message of many tiny fragments', () => {
    const { parser, heard } = listen({ maxMessageBytes: MIB });
    const before = process.memoryUsage().arrayBuffers;
    push(parser, handMade({ opcode: 2, key: KEY, isFinal: false }));
    for (let turn = 0; turn < 2000; turn += 1) {
      push(parser, handMade({ opcode: 0, key: KEY, payload: 'x', isFinal: false }));
    }
    push(parser, handMade({ opcode: 0, key: KEY }));
    expect(heard.messages[0]?.payload).toEqual(Buffer.alloc(2000, 'x'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150 * MIB); // what the collector has not seen yet included
  });
});

describe('reading frames, whatever comes', () => {
  const messages = fc.array(
    fc.record({
      size: fc.oneof(fc.nat(130), fc.nat(70_000)),
      fragments: fc.array(fc.nat(70_000), { maxLength: 3 }),
      ping: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  );
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 80_000 })), {
    minLength: 1,
  });

  it('delivers each message once, as it was sent, however it was fragmented and split', () => {
    fc.assert(
      fc.property(messages, sizes, fc.nat(255), (sent, splits, seed) => {
        const [isMasked, isElsewhere] = [seed % 4 !== 0, seed % 3 === 1];
        const payloads = sent.map(({ size }, index) => Buffer.alloc(size, `${seed}-${index}-`));
        const frames = sent.flatMap(({ fragments, ping }, index) =>
          fragmented(payloads[index] as Buffer, { fragments, ping, isMasked }),
        );
        const elsewhere = isElsewhere ? { unmaskInto: Buffer.alloc(50_000) } : {};
        const { parser, heard } = listen({ role: isMasked ? 'server' : 'client', ...elsewhere });
        pushSplit(parser, Buffer.concat(frames), averageOf(splits) < 5 ? [...splits, 10_000] : splits);
        expect(heard.violation).toBeUndefined();
        expect(heard.messages.map(({ payload }) => payload.length)).toEqual(payloads.map(({ length }) => length));
        expect(heard.messages.every(({ payload }, index) => payload.equals(payloads[index] as Buffer))).toBe(true);
        expect(heard.controls).toHaveLength(sent.reduce((sum, each) => sum + pingsOf(each), 0));
      }),
      { numRuns: 150 },
    );
  });

  it('never crashes on mutated frames, and delivers none of a length that no frame announced', () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { minLength: 1, maxLength: 5 }),
        fc.array(mutation, { maxLength: 4 }),
        sizes,
        (lengths, mutations, splits) => {
          const frames = lengths.map((length) => handMade({ opcode: 2, payload: Buffer.alloc(length, 5), key: KEY }));
          const bytes = Buffer.concat(frames);
          for (const { at, byte } of mutations) bytes[at % bytes.length] = byte;
          const { parser, heard } = listen({ maxMessageBytes: 1024 });
          pushSplit(parser, bytes, splits);
          expect(heard.messages.every(({ payload }) => payload.length <= 1024)).toBe(true);
          const untouched = Math.min(...mutations.map(({ at }) => at % bytes.length), bytes.length);
          const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length);
          const whole = ends.filter((end) => end <= untouched).length;
          expect(heard.messages.slice(0, whole).map(({ payload }) => payload.length)).toEqual(lengths.slice(0, whole));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

function fragmented(
  payload: Buffer,
  { fragments, ping, isMasked }: { fragments: readonly number[]; ping: boolean; isMasked: boolean },
): Buffer[] {
  const key = isMasked ? { key: KEY } : {};
  const cuts = [
    0,
    ...fragments.map((cut) => cut % (payload.length + 1)).sort((left, right) => left - right),
    payload.length,
  ];
  return cuts.slice(1).flatMap((end, index) => [
    ...(ping ? [handMade({ opcode: 9, payload: 'p', ...key })] : []),
    handMade({
      opcode: index === 0 ? 2 : 0,
      payload: payload.subarray(cuts[index], end),
      isFinal: index === cuts.length - 2,
      ...key,
    }),
  ]);
}

function pingsOf({ fragments, ping }: { fragments: readonly number[]; ping: boolean }): number {
  return ping ? fragments.length + 1 : 0;
}

function averageOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
