interface Waiting<Key, Found> {
  readonly key: Key;
  readonly resolve: (found: Found | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets lookups that are asked for in one turn of the event loop share one statement. A lone lookup waits for nobody; under load, where
 * many requests arrive in one turn, a round trip serves them all. Each sees the database as it is after it was asked for.
 */
export class LookupBatch<Key, Found> {
  readonly #load: (keys: readonly Key[]) => Promise<ReadonlyMap<number, Found>>;
  readonly #maxKeys: number;
  #waiting: Waiting<Key, Found>[] = [];

  /** @param load - finds what there is, by the position of its key */
  constructor(load: (keys: readonly Key[]) => Promise<ReadonlyMap<number, Found>>, { maxKeys = 100 } = {}) {
    this.#load = load;
    this.#maxKeys = maxKeys;
  }

  /** What there is under a key. @throws whatever the shared statement failed with */
  find(key: Key): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ key, resolve, reject });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let start = 0; start < waiting.length; start += this.#maxKeys) {
      void this.#answer(waiting.slice(start, start + this.#maxKeys));
    }
  }

  async #answer(waiting: readonly Waiting<Key, Found>[]): Promise<void> {
    try {
      const found = await this.#load(waiting.map(({ key }) => key));
      for (const [position, { resolve }] of waiting.entries()) resolve(found.get(position));
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
