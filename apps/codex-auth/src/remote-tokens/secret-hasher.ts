import { hash, verify } from '@node-rs/bcrypt';
import { BoundedWork, type WorkBounds } from '../bounded-work.ts';

// Of the right form, so that a comparison does all its work; at any cost that is configured, no text is known to match.
const DECOY_SALT_AND_DIGEST = 'IAFZVpZO6LVchGaVSZjyg.5Ll6YmNZC.6dckQpDBl2UFv46dm0FxC';

/** The two operations of bcrypt; both run on the thread pool. */
export interface Bcrypt {
  hash(secret: string, options: { cost: number }): Promise<string>;
  verify(secret: string, encodedHash: string): Promise<boolean>;
}

export const nativeBcrypt: Bcrypt = { hash, verify };

export interface SecretHasherOptions extends WorkBounds {
  readonly cost: number;
  readonly bcrypt?: Bcrypt;
}

/** bcrypt within bounds: an anonymous caller can make us hash, and a hash takes tens of milliseconds of a processor. */
export class SecretHasher {
  readonly #options: SecretHasherOptions;
  readonly #bcrypt: Bcrypt;
  readonly #work: BoundedWork;

  constructor(options: SecretHasherOptions) {
    this.#options = options;
    this.#bcrypt = options.bcrypt ?? nativeBcrypt;
    this.#work = new BoundedWork(options);
  }

  /** @throws {HttpError} 503 when too many others wait */
  hash(secret: string): Promise<string> {
    return this.#work.run(() => this.#bcrypt.hash(secret, { cost: this.#options.cost }));
  }

  /** @throws {HttpError} 503 when too many others wait */
  verify(secret: string, encodedHash: string): Promise<boolean> {
    return this.#work.run(() => this.#bcrypt.verify(secret, encodedHash));
  }

  /** A hash of the same cost that is nobody's, to compare with when there is nothing to compare with. */
  get decoyHash(): string {
    return `$2b$${String(this.#options.cost).padStart(2, '0')}$${DECOY_SALT_AND_DIGEST}`;
  }
}
