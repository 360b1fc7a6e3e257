import { createHmac, randomBytes } from 'node:crypto';

export interface ComparisonCacheOptions {
  readonly lifetimeMs: number;
  readonly maxEntries: number;
  /** Milliseconds of the clock that entries age by. */
  readonly nowMs: () => number;
}

interface Entry {
  readonly outcome: Promise<boolean>;
  readonly expiresAtMs: number;
}

/**
 * Remembers for a short time how a slow comparison of a secret with a hash came out. Both are part of the key, so an entry is
 * true whatever happens to the token meanwhile: it says that they match, never that the token is good. The key is a
 * keyed digest, so that a dump of this memory is no list of tokens.
 */
export class ComparisonCache {
  readonly #options: ComparisonCacheOptions;
  readonly #key = randomBytes(32);
  // Insertion order is also the order of expiry, since every entry lives equally long.
  readonly #entries = new Map<string, Entry>();

  constructor(options: ComparisonCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The outcome of an equal comparison that ran within the lifetime or still runs, or else that of `compare`. */
  recall(secret: string, encodedHash: string, compare: () => Promise<boolean>): Promise<boolean> {
    const key = createHmac('sha256', this.#key).update(encodedHash).update('\0').update(secret).digest('base64');
    const nowMs = this.#options.nowMs();
    const known = this.#entries.get(key);
    if (known && known.expiresAtMs > nowMs) return known.outcome;
    this.#entries.delete(key);
    this.#makeRoom(nowMs);
    const entry = { outcome: compare(), expiresAtMs: nowMs + this.#options.lifetimeMs };
    this.#entries.set(key, entry);
    entry.outcome.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry.outcome;
  }

  #makeRoom(nowMs: number): void {
    for (const [key, { expiresAtMs }] of this.#entries) {
      if (expiresAtMs > nowMs && this.#entries.size < this.#options.maxEntries) return;
      this.#entries.delete(key);
    }
  }
}
