/** Inside an object: the keys so far. Inside an array: undefined. */
type Scope = Set<string> | undefined;

/** Why a text is not read at all. */
export type ScanProblem = 'duplicate_key' | 'too_deep' | 'too_many_values';

export interface JsonScan {
  /** Undefined when the text may be parsed; that it is JSON is not said. */
  readonly problem: ScanProblem | undefined;
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
/** So many bytes of a string are looked at one by one before the next quote is searched for, which is faster from there on. */
const LOOKED_AT_BYTES = 256;

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

/**
 * Looks over a JSON text before it is parsed. An object with the same key twice is a problem because parsers disagree on
 * which of the two counts: one could be shown to the guard and the other to the app-server. Time is linear in the text.
 */
export function scanJson(json: Buffer): JsonScan {
  const longInsides: number[] = [];
  const found = (problem: ScanProblem | undefined) => ({ problem, longInsides });
  const scopes: Scope[] = [];
  let values = 0;
  let index = 0;
  while (index < json.length) {
    const byte = json[index] as number;
    const start = index;
    index += 1;
    if (byte === QUOTE) {
      index = endOfString(json, start + 1);
      if (isKey(json, index)) {
        if (isRepeated(json, { start, end: index }, scopes.at(-1))) return found('duplicate_key');
      } else if (index - start >= LONG_BYTES) {
        longInsides.push(endOfBeginning(json, start + 1), index - 1);
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      scopes.pop();
    } else if (byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      values += 1;
      if (values > MAX_VALUES) return found('too_many_values');
      if (byte !== COMMA) scopes.push(byte === OPEN_BRACE ? new Set() : undefined);
      if (scopes.length > MAX_DEPTH) return found('too_deep');
    }
  }
  return found(undefined);
}

/** @param from - behind the opening quotation mark. @returns the index behind the closing one */
function endOfString(json: Buffer, from: number): number {
  const { length } = json;
  let index = from;
  for (;;) {
    const stop = Math.min(length, index + LOOKED_AT_BYTES);
    while (index < stop) {
      const byte = json[index] as number;
      if (byte === QUOTE) return index + 1;
      index += byte === BACKSLASH ? 2 : 1;
    }
    const quote = index < length ? json.indexOf(QUOTE, index) : -1;
    if (quote === -1) return length;
    if (!isEscaped(json, quote, index)) return quote + 1;
    index = quote + 1;
  }
}

/** @param from - no escape reaches over it */
function isEscaped(json: Buffer, index: number, from: number): boolean {
  let start = index;
  while (start > from && json[start - 1] === BACKSLASH) start -= 1;
  return (index - start) % 2 === 1;
}

/** Where the beginning of a long string ends, not in the middle of an escape or a character. */
function endOfBeginning(json: Buffer, from: number): number {
  const isContinuation = (index: number) => ((json[index] as number) & 0xc0) === 0x80;
  let index = from;
  while (index < from + BEGINNING_BYTES || isContinuation(index)) {
    const escapedBytes = json[index + 1] === LETTER_U ? 6 : 2;
    index += json[index] === BACKSLASH ? escapedBytes : 1;
    if (index > from + LONG_BYTES / 2) break; // not UTF-8, which the parser will find
  }
  return index;
}

function isKey(json: Buffer, from: number): boolean {
  let index = from;
  for (; index < json.length; index += 1) {
    const byte = json[index] as number;
    if (byte === COLON) return true;
    if (byte !== SPACE && (byte < 0x09 || byte > 0x0d)) return false;
  }
  return false;
}

function isRepeated(json: Buffer, { start, end }: { start: number; end: number }, scope: Scope): boolean {
  if (!scope) return false;
  const before = scope.size;
  scope.add(keyOf(json.toString('utf8', start, end)));
  return scope.size === before;
}

/** Two spellings of one key are the same key. */
function keyOf(token: string): string {
  if (!token.includes('\\')) return token;
  try {
    return JSON.stringify(JSON.parse(token));
  } catch {
    return token; // not JSON, which the parser will find
  }
}
