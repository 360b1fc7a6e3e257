import { isUtf8 } from 'node:buffer';

const SLOTS = 32;

interface KnownId {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * The stream ids that one connection has shown lately, so that the next frame of a stream costs a comparison instead of a new string. Bounded:
 * each of its slots holds one id.
 */
export class StreamIds {
  #slots: (KnownId | undefined)[] | undefined;

  /** The id that stands in `bytes` from `start` to `end`, which are within them; undefined when it is no text. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    const slot = (((bytes[end - 1] ?? 0) << 2) ^ (bytes[end - 2] ?? 0) ^ (bytes[start] ?? 0)) & (SLOTS - 1);
    const known = this.#slots?.[slot];
    if (known && isSame(known.bytes, bytes, start, end)) return known.text;
    const text = decode(bytes, start, end);
    if (text === undefined) return undefined;
    this.#slots ??= Array<KnownId | undefined>(SLOTS).fill(undefined);
    // A copy: `slice` of a Buffer would be the caller's memory, which he uses again.
    this.#slots[slot] = { bytes: new Uint8Array(bytes.subarray(start, end)), text };
    return text;
  }
}

/** The text of UTF-8 bytes; undefined for other bytes, of which different ones would look alike as text. */
export function decode(bytes: Uint8Array, start: number, end: number): string | undefined {
  const slice = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  return isUtf8(slice) ? slice.toString('utf8') : undefined;
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let index = 0; index < known.length; index += 1) if (known[index] !== bytes[start + index]) return false;
  return true;
}
