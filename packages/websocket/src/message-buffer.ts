import { MAX_HEADER_BYTES } from './frame-header.ts';

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

  /** The message from a byte of it on, in place. */
  from(offset: number): Buffer {
    return this.#buffer.subarray(MAX_HEADER_BYTES + offset, this.#end);
  }

  /** @param expectedBytes - how long the message will be as far as it is known */
  append(part: Buffer, expectedBytes: number): void {
    const needed = this.#end + part.length;
    if (needed > this.#buffer.length) this.#grow(needed, MAX_HEADER_BYTES + expectedBytes);
    part.copy(this.#buffer, this.#end);
    this.#end = needed;
  }

  #grow(needed: number, expected: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(expected, needed * GROWTH)));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}
