import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { scanInJavaScript } from './scan-in-javascript.ts';
import { createWasmScan, type WasmScan, WINDOW_BYTES } from './scan-in-wasm.ts';

const wasm = createWasmScan() as WasmScan;
const scanInWasm = (json: Buffer) => wasm.scan(json);

/** Both say the same, and what is no JSON is left to the other only when it has a backslash where no JSON has one. */
function expectTheSame(json: Buffer): void {
  const inJavaScript = scanInJavaScript(json);
  const inWasm = scanInWasm(json);
  if (inWasm === undefined) expect(hasBackslashOutside(json)).toBe(true);
  else if (inJavaScript.problem) expect(inWasm.problem).toBe(inJavaScript.problem);
  else expect(inWasm).toEqual(inJavaScript);
  if (json.length > WINDOW_BYTES) return;
  const inPlace = wasm.window.subarray(0, json.copy(wasm.window));
  expect(wasm.scan(inPlace)).toEqual(inWasm);
  expect(inPlace.equals(json)).toBe(true);
}

function hasBackslashOutside(json: Buffer): boolean {
  let isInside = false;
  for (let index = 0; index < json.length; index += 1) {
    if (json[index] === 0x22) isInside = !isInside;
    if (json[index] !== 0x5c) continue;
    if (!isInside) return true;
    index += 1;
  }
  return false;
}

const PIECES = fc.constantFrom(
  ...[
    '"',
    '"',
    '\\',
    '\\"',
    '\\\\',
    '\\\\"',
    ':',
    ',',
    '{',
    '}',
    '[',
    ']',
    ' ',
    '\n',
    'a',
    'é',
    '😀',
    '\u001f',
    '\\u0022',
  ],
  ...[
    '"a":',
    '"key":"value",',
    '[{"a":[]}]',
    'plain text in between ',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(1021),
  ],
);
const soup = (maxLength: number) =>
  fc.array(PIECES, { maxLength, size: 'max' }).map((pieces) => Buffer.from(pieces.join('')));
const dense = fc
  .array(fc.constantFrom(0x5c, 0x22, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d, 0x0c, 0x1a, 0xdc, 0xa2, 0xff, 0x00), {
    maxLength: 300,
    size: 'max',
  })
  .map((bytes) => Buffer.from(bytes));

describe('the look over a JSON text in WebAssembly', () => {
  it('is there, and is what its source is compiled to', async () => {
    expect(createWasmScan()).toBeDefined();
    const script = fileURLToPath(new URL('../../scripts/compile-json-scanner.mjs', import.meta.url));
    await promisify(execFile)(process.execPath, [script, '--check']);
  });

  it('sees in any bytes what a look at each of them sees', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }).map(Buffer.from), dense, soup(60)), expectTheSame),
      {
        numRuns: 1500,
      },
    );
  });

  it('sees the same within strings, in arrays and in objects, in front of which there is anything', () => {
    const lead = fc.constantFrom('"', '["', '{"a":"', '{"a":"\\', '{"":[[[["');
    fc.assert(
      fc.property(lead, fc.oneof(dense, soup(200)), fc.nat(130), (text, bytes, blanks) => {
        expectTheSame(Buffer.concat([Buffer.from(`${' '.repeat(blanks)}${text}`), bytes]));
      }),
      { numRuns: 1500 },
    );
  });

  it('sees the same in what JSON.stringify wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(2), (value, indent) => {
        const json = Buffer.from(JSON.stringify([value], undefined, indent));
        expect(scanInWasm(json)).toEqual(scanInJavaScript(json));
      }),
      { numRuns: 1000 },
    );
  });

  it('sees the end of a string behind any number of backslashes, wherever it lies in its 64 bytes', () => {
    for (let blanks = 0; blanks < 64; blanks += 1) {
      for (let backslashes = 0; backslashes < 140; backslashes += 1) {
        expectTheSame(Buffer.from(`${' '.repeat(blanks)}["${'\\'.repeat(backslashes)}",{"a":1}`));
      }
    }
  });

  it('sees the same where one window ends and the next begins', () => {
    for (const middle of ['\\"', '\\\\"', '"', '","', '\\\\\\"x"', '":{"', 'é']) {
      for (let before = WINDOW_BYTES - 10; before <= WINDOW_BYTES; before += 1) {
        for (const lead of ['["', '{"a":1,"', '[1,"short","']) {
          const begin = lead + 'x'.repeat(before - lead.length) + middle;
          expectTheSame(Buffer.from(`${begin}","b":[1,2,{"c":"${'y'.repeat(70_000)}"}]`));
          expectTheSame(Buffer.from(begin));
        }
      }
    }
  });

  it('sees the same in texts of several windows', () => {
    fc.assert(
      fc.property(soup(500), fc.integer({ min: 2, max: 30 }), (bytes, times) => {
        expectTheSame(Buffer.from(`["${bytes.toString('latin1').repeat(times)}`, 'latin1'));
        expectTheSame(Buffer.from(`{"a":${JSON.stringify(bytes.toString('utf8').repeat(times))},"b":[1]}`));
      }),
      { numRuns: 100 },
    );
  });

  it('finds 64 long strings in one window, and those that begin or end in it only', () => {
    for (const length of [1021, 1022, 1023, 5000]) {
      const json = Buffer.from(JSON.stringify(Array.from({ length: 300 }, () => 'x'.repeat(length))));
      expectTheSame(json);
      expect(scanInWasm(json)?.longInsides).toHaveLength(length < 1022 ? 0 : 600);
    }
  });

  it.each(['[', '{', '[{', ',', ',[', '{}', '[[]', '},{', ']['])('sees the same problem first in many %s', (piece) => {
    for (const lead of ['', '[', '  "a"', '[[[[[[[', ']]]']) {
      for (const count of [60, 125, 126, 127, 128, 129, 130, 499_870, 499_998, 499_999, 500_000, 500_001]) {
        expectTheSame(Buffer.from(lead + piece.repeat(count) + '['.repeat(127)));
        if (count < 1000) expectTheSame(Buffer.from(`${lead + piece.repeat(count)}"${'x'.repeat(2000)}`));
      }
    }
  });

  it('forgets the text before', () => {
    for (const before of ['["', '["\\', '[[[[[', `["${'x'.repeat(3000)}`, ',,,', '\\']) {
      scanInWasm(Buffer.from(before));
      expect(scanInWasm(Buffer.from('"a"'))).toEqual({ problem: undefined, keyCount: 0, longInsides: [] });
    }
  });

  it('sees the same in 64 MiB, in which a string begins at the beginning and ends at the end', () => {
    const json = Buffer.alloc(64 * 1024 * 1024, 'text with \\"marks\\" ');
    json.write('{"a":"');
    json.write('"}', json.length - 2);
    expectTheSame(json);
  });
});
