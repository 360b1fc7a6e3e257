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

  /** The id that stands in `bytes` from `start` to `end`, which are within them. */
  read(bytes: Uint8Array, start: number, end: number): string {
    const slot = (((bytes[end - 1] ?? 0) << 2) ^ (bytes[end - 2] ?? 0) ^ (bytes[start] ?? 0)) & (SLOTS - 1);
    const known = this.#slots?.[slot];
    if (known && isSame(known.bytes, bytes, start, end)) return known.text;
    const text = decode(bytes, start, end);
    this.#slots ??= Array<KnownId | undefined>(SLOTS).fill(undefined);
    this.#slots[slot] = { bytes: bytes.slice(start, end), text };
    return text;
  }
}

/** The text of UTF-8 bytes. */
export function decode(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let index = 0; index < known.length; index += 1) if (known[index] !== bytes[start + index]) return false;
  return true;
}
