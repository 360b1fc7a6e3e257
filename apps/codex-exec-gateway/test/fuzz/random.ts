const POOL_BYTES = 1024 * 1024;

/** A generator of numbers that gives the same ones for the same seed (mulberry32). */
export class Random {
  #state: number;
  /** Bytes drawn beforehand: a draw for each byte that is sent would take most of the time. */
  readonly #pool = Buffer.allocUnsafe(POOL_BYTES);

  constructor(seed: number) {
    this.#state = seed >>> 0;
    for (let offset = 0; offset < POOL_BYTES; offset += 4) this.#pool.writeUInt32LE(this.#draw(), offset);
  }

  /** At least 0 and less than 1. */
  next(): number {
    return this.#draw() / 2 ** 32;
  }

  /** A whole number of at least 0 and less than `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** @param length - up to 1 MiB */
  bytes(length: number): Buffer {
    const start = this.below(POOL_BYTES - length + 1);
    return Buffer.from(this.#pool.subarray(start, start + length));
  }

  #draw(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
