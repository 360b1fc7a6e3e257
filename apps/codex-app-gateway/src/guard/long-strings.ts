import { BACKSLASH, COLON } from './json-bytes.ts';

/** Strings from this length on are long, quotation marks included; the first bytes of them count as their beginning. */
export const LONG_BYTES = 1024;
// No rule asks for more of a beginning than `data:` or the scheme of a URL.
const BEGINNING_BYTES = 32;

/** The longest escape, such as \u0022. */
const ESCAPE_BYTES = 6;

const LETTER_U = 0x75;
const SPACE = 0x20;

/**
 * Where the beginning of a long string ends, not in the middle of an escape or a character.
 * @param from - behind its opening quotation mark
 */
export function endOfBeginning(json: Buffer, from: number): number {
  const isContinuation = (index: number) => ((json[index] ?? 0) & 0xc0) === 0x80;
  let index = shortlyBefore(json, { from, to: from + BEGINNING_BYTES });
  while (index < from + BEGINNING_BYTES || isContinuation(index)) {
    const escapedBytes = json[index + 1] === LETTER_U ? ESCAPE_BYTES : 2;
    index += json[index] === BACKSLASH ? escapedBytes : 1;
    if (index > from + LONG_BYTES / 2) break; // not UTF-8, which nobody gets this far with
  }
  return index;
}

/** A place that no backslash is right before, and far enough from `to` that an escape around it ends in between. */
function shortlyBefore(json: Buffer, { from, to }: { from: number; to: number }): number {
  let index = to - ESCAPE_BYTES;
  while (index > from && json[index - 1] === BACKSLASH) index -= 1;
  return index;
}

/** Whether a string is a key. @param from - behind its closing quotation mark */
export function isKey(json: Buffer, from: number): boolean {
  for (let index = from; index < json.length; index += 1) {
    const byte = json[index] as number;
    if (byte === COLON) return true;
    if (byte !== SPACE && (byte < 0x09 || byte > 0x0d)) return false;
  }
  return false;
}
