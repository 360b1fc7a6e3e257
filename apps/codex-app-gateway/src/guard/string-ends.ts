import { BACKSLASH, QUOTE } from './json-bytes.ts';

/** Most strings end within so many bytes; a longer one is worth a call into native code. */
const NEAR_BYTES = 48;

/** Finds where the strings of one JSON text end (RFC 8259 §7). */
export class StringEnds {
  readonly #json: Buffer;
  /** One character for each byte: from one quotation mark to the next is nearer in a string than in bytes. Made when a long string has escaped ones. */
  #text: string | undefined;

  constructor(json: Buffer) {
    this.#json = json;
  }

  /**
   * @param from - behind the opening quotation mark
   * @returns the index behind the closing one; the end of the text when there is none
   */
  after(from: number): number {
    const json = this.#json;
    const near = Math.min(json.length, from + NEAR_BYTES);
    let index = from;
    while (index < near && json[index] !== QUOTE) index += json[index] === BACKSLASH ? 2 : 1;
    if (index < near) return index + 1;
    if (index >= json.length) return json.length;
    // Inline images and the like have no mark within them: found in one go, and not copied.
    const end = this.#text?.indexOf('"', index) ?? json.indexOf(QUOTE, index);
    if (end === -1) return json.length;
    return this.#isEscaped(end, index) ? this.#afterEscaped(end + 1) : end + 1;
  }

  /** @param from - not within an escape */
  #afterEscaped(from: number): number {
    this.#text ??= this.#json.toString('latin1');
    const text = this.#text;
    let end = text.indexOf('"', from);
    while (end !== -1 && text.charCodeAt(end - 1) === BACKSLASH && this.#isEscaped(end, from)) {
      end = text.indexOf('"', end + 1);
    }
    return end === -1 ? text.length : end + 1;
  }

  /** @param start - before the mark, and not within an escape */
  #isEscaped(quote: number, start: number): boolean {
    let first = quote;
    while (first > start && this.#json[first - 1] === BACKSLASH) first -= 1;
    return (quote - first) % 2 === 1;
  }
}
