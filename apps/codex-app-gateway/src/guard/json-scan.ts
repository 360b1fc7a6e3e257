import { isJsonObject } from './json-object.ts';
import { StringEnds } from './string-ends.ts';

/** Why a text is not read at all. */
export type ScanProblem = 'too_deep' | 'too_many_values';

export interface JsonScan {
  /** Undefined when the text may be parsed; that it is JSON is not said. */
  readonly problem: ScanProblem | undefined;
  /** How many keys its objects have, repeated ones included. */
  readonly keyCount: number;
  /** Where in the text the insides of long strings lie that are values: from, to, from, to, … in bytes. */
  readonly longInsides: readonly number[];
}

// The app-server's own parser gives up at this depth.
const MAX_DEPTH = 128;
// Parsed, a value takes some fifty times the room of its text: this bounds what one frame can make of itself. Large frames of
// honest clients are large because of one long string.
const MAX_VALUES = 500_000;

/** Strings from this length on are long; the first bytes of them count as their beginning. */
const LONG_BYTES = 1024;
const BEGINNING_BYTES = 256;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LETTER_U = 0x75;
const SPACE = 0x20;

/** Looks over a JSON text, UTF-8, before it is parsed. Time is linear in the text. */
export function scanJson(json: Buffer): JsonScan {
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

/**
 * How many keys the objects have that became of a JSON text: fewer than were in the text when an object had the same key twice, in
 * whatever spelling. That is a problem because parsers disagree on which of the two counts: one could be shown to the guard and the
 * other to the app-server.
 */
export function countKeys(value: unknown): number {
  let count = 0;
  if (Array.isArray(value)) {
    for (const each of value) if (typeof each === 'object') count += countKeys(each);
  } else if (isJsonObject(value)) {
    const keys = Object.keys(value);
    count = keys.length;
    for (const key of keys) if (typeof value[key] === 'object') count += countKeys(value[key]);
  }
  return count;
}

/** Where the beginning of a long string ends, not in the middle of an escape or a character. */
function endOfBeginning(json: Buffer, from: number): number {
  const isContinuation = (index: number) => ((json[index] ?? 0) & 0xc0) === 0x80;
  let index = from;
  while (index < from + BEGINNING_BYTES || isContinuation(index)) {
    const escapedBytes = json[index + 1] === LETTER_U ? 6 : 2;
    index += json[index] === BACKSLASH ? escapedBytes : 1;
    if (index > from + LONG_BYTES / 2) break; // not UTF-8, which nobody gets this far with
  }
  return index;
}

function isKey(json: Buffer, from: number): boolean {
  for (let index = from; index < json.length; index += 1) {
    const byte = json[index] as number;
    if (byte === COLON) return true;
    if (byte !== SPACE && (byte < 0x09 || byte > 0x0d)) return false;
  }
  return false;
}
