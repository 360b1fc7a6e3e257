import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from './json-bytes.ts';
import type { JsonScan } from './json-scan.ts';
import { endOfBeginning, isKey, LONG_BYTES } from './long-strings.ts';
import { StringEnds } from './string-ends.ts';

// The app-server's own parser gives up at this depth.
const MAX_DEPTH = 128;
// Parsed, a value takes some fifty times the room of its text: this bounds what one frame can make of itself. Large frames of
// honest clients are large because of one long string.
const MAX_VALUES = 500_000;

/** `scanJson` one byte after the other. It says what is right; json-scanner.wat is the same, with the same limits, in less time. */
export function scanInJavaScript(json: Buffer): JsonScan {
  const strings = new StringEnds(json);
  const longInsides: number[] = [];
  let [depth, values, keyCount, index] = [0, 0, 0, 0];
  while (index < json.length) {
    const byte = json[index];
    const start = index;
    index += 1;
    if (byte === QUOTE) {
      index = strings.after(index);
      if (index - start >= LONG_BYTES && !isKey(json, index)) {
        longInsides.push(endOfBeginning(json, start + 1), index - 1);
      }
    } else if (byte === COLON) {
      keyCount += 1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
    } else if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      values += 1;
      if (values > MAX_VALUES) return { problem: 'too_many_values', keyCount, longInsides };
      if (byte !== COMMA) depth += 1;
      if (depth > MAX_DEPTH) return { problem: 'too_deep', keyCount, longInsides };
    }
  }
  return { problem: undefined, keyCount, longInsides };
}
