import fc from 'fast-check';
import { StringEnds } from './string-ends.ts';

const endOfString = (json: Buffer, from: number) => new StringEnds(json).after(from);

/** One byte after the other. */
function plainEnd(json: Buffer, from: number): number {
  for (let index = from; index < json.length; index += 1) {
    if (json[index] === 0x22) return index + 1;
    if (json[index] === 0x5c) index += 1;
  }
  return json.length;
}

/** The same bytes, at any place in memory. */
function placed(bytes: Buffer, offset: number): Buffer {
  const memory = Buffer.alloc(bytes.length + offset + 8, 0x22);
  bytes.copy(memory, offset);
  return memory.subarray(offset, offset + bytes.length);
}

const DENSE = fc.constantFrom(
  '\\"',
  '\\\\',
  '\\n',
  '\\u0022',
  'a',
  'é',
  '😀',
  'text that is plain, ',
  '!',
  '#',
  '[',
  ']',
  '\u0001',
);
const SOUP = fc.constantFrom('"', '\\', '\\"', '\\\\', 'a', 'abcdefg', 'é', '\u00a2', '\u00dc', '#', ']');

describe('the end of a JSON string', () => {
  it.each([
    ['', 0],
    ['"', 1],
    ['abc"', 4],
    ['abc', 3],
    ['\\"', 2],
    ['\\"" "', 3],
    ['\\\\" "', 3],
    ['\\\\\\" "', 6],
    ['\\', 1],
  ])('of %j is at %d', (text, end) => {
    expect(endOfString(Buffer.from(text), 0)).toBe(end);
  });

  it('is found in text that JSON.stringify wrote, wherever it lies in memory and whatever follows', () => {
    const inside = fc.array(DENSE, { maxLength: 400, size: 'max' }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(inside, fc.nat(9), fc.array(SOUP), (text, offset, rest) => {
        const json = placed(Buffer.from(`"${text}"${rest.join('')}`), offset);
        expect(endOfString(json, 1)).toBe(Buffer.byteLength(text) + 2);
      }),
      { numRuns: 500 },
    );
  });

  it('is where a look at each byte finds it, in any bytes', () => {
    const soup = fc.array(SOUP, { maxLength: 300, size: 'max' }).map((pieces) => Buffer.from(pieces.join('')));
    const dense = fc.array(fc.constantFrom(0x5c, 0x5c, 0x22, 0x61, 0xa2, 0xdc, 0x00, 0xff), {
      maxLength: 300,
      size: 'max',
    });
    // The beginning sends it on to the text at once.
    const lead = Buffer.from(`${'x'.repeat(50)}\\"`);
    fc.assert(
      fc.property(
        fc.oneof(
          soup,
          dense.map((bytes) => Buffer.from(bytes)),
        ),
        fc.nat(9),
        (bytes, offset) => {
          for (const each of [bytes, Buffer.concat([lead, bytes])]) {
            const json = placed(each, offset);
            expect(endOfString(json, 0)).toBe(plainEnd(json, 0));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
