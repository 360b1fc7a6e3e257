import { HttpError } from '@codex-gateways/service';
import { hash, verify } from '@node-rs/bcrypt';

// Of the right form, so that a comparison does all its work; at any cost that is configured, no text is known to match.
const DECOY_SALT_AND_DIGEST = 'IAFZVpZO6LVchGaVSZjyg.5Ll6YmNZC.6dckQpDBl2UFv46dm0FxC';

/** The two operations of bcrypt; both run on the thread pool. */
export interface Bcrypt {
  hash(secret: string, options: { cost: number }): Promise<string>;
  verify(secret: string, encodedHash: string): Promise<boolean>;
}

export const nativeBcrypt: Bcrypt = { hash, verify };

export interface SecretHasherOptions {
  readonly cost: number;
  /** Hashes at once; the thread pool has four threads, which also sign tokens. */
  readonly maxConcurrent: number;
  /** Hashes that may wait for a place. */
  readonly maxWaiting: number;
  readonly bcrypt?: Bcrypt;
}

/**
 * bcrypt within bounds: an anonymous caller can make us hash, and a hash takes tens of milliseconds of a processor. More work
 * than fits is refused at once rather than queued without end.
 */
export class SecretHasher {
  readonly #options: SecretHasherOptions;
  readonly #bcrypt: Bcrypt;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: SecretHasherOptions) {
    this.#options = options;
    this.#bcrypt = options.bcrypt ?? nativeBcrypt;
  }

  /** @throws {HttpError} 503 when too many others wait */
  hash(secret: string): Promise<string> {
    return this.#withinBounds(() => this.#bcrypt.hash(secret, { cost: this.#options.cost }));
  }

  /** @throws {HttpError} 503 when too many others wait */
  verify(secret: string, encodedHash: string): Promise<boolean> {
    return this.#withinBounds(() => this.#bcrypt.verify(secret, encodedHash));
  }

  /** A hash of the same cost that is nobody's, to compare with when there is nothing to compare with. */
  get decoyHash(): string {
    return `$2b$${String(this.#options.cost).padStart(2, '0')}$${DECOY_SALT_AND_DIGEST}`;
  }

  async #withinBounds<Result>(work: () => Promise<Result>): Promise<Result> {
    const { maxConcurrent, maxWaiting } = this.#options;
    if (this.#running >= maxConcurrent) {
      if (this.#waiting.length >= maxWaiting) throw busy();
      // The place is handed over by whoever ends, so nobody can slip in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

function busy(): HttpError {
  return new HttpError(503, 'temporarily_unavailable', 'too many secrets are being checked, try again', {
    headers: { 'Retry-After': '1' },
  });
}
