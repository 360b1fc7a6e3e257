import { MAX_HEADER_BYTES } from './frame-header.ts';
import { moveMasked, turnKey } from './masking.ts';

/** What the first part of a message gets at least, so that usual messages are assembled in one piece of memory. */
const FIRST_BYTES = 16 * 1024;
const GROWTH = 4;

/**
 * A message that came in parts. Its memory grows with what has come, not with what was announced: at most four times as much.
 * In front there is room for the header that it may be forwarded with.
 */
export class MessageBuffer {
  #buffer: Buffer;
  #end = MAX_HEADER_BYTES;

  /** @param expectedBytes - how long the message will be as far as it is known */
  constructor(expectedBytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(MAX_HEADER_BYTES + Math.min(expectedBytes, FIRST_BYTES));
  }

  get length(): number {
    return this.#end - MAX_HEADER_BYTES;
  }

  /** The room for a header, and the message. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  /**
   * Adds bytes of a frame, not masked from now on.
   * @param frame.offset - where they stand in the payload of their frame
   * @param frame.maskKey - of their frame, if it has one
   * @param frame.missingBytes - how many more of it will come, these included
   * @param frame.isFinal - whether no other frame of the message follows
   */
  append(
    part: Buffer,
    frame: { offset: number; maskKey: number | undefined; missingBytes: number; isFinal: boolean },
  ): void {
    const { offset, maskKey, missingBytes, isFinal } = frame;
    const needed = this.#end + part.length;
    if (needed > this.#buffer.length) {
      // Who sends fragments of a byte each must not have all of them copied for every one.
      const expected = isFinal ? this.#end + missingBytes : Math.max(this.#end + missingBytes, 2 * needed);
      this.#grow(needed, expected);
    }
    if (maskKey === undefined) part.copy(this.#buffer, this.#end);
    else moveMasked(part, turnKey(maskKey, offset), this.#buffer.subarray(this.#end, needed));
    this.#end = needed;
  }

  #grow(needed: number, expected: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(expected, needed * GROWTH)));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}
