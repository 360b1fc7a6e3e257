import type { KeyObject } from 'node:crypto';
import { sha256 } from '@codex-gateways/crypto';

/** What was proved of a token by verifying its signature; nothing of it changes while the key is published. */
export interface VerifiedToken {
  readonly jti: string;
  readonly jtiDigest: Buffer;
  /** Epoch seconds. */
  readonly exp: number;
  readonly kid: string;
  readonly key: KeyObject;
}

/**
 * Remembers which tokens carry a good signature, by their digest, so that a token presented again and again is verified once. It says
 * nothing of revocation, which is for the database to say each time. Bounded: what was used longest ago is forgotten first.
 */
export class VerifiedTokens {
  readonly #maxEntries: number;
  readonly #entries = new Map<string, VerifiedToken>();

  constructor({ maxEntries = 10_000 } = {}) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * @param nowSeconds - epoch seconds; a token is dead at `exp` exactly
   * @param keyOf - the key that is published now under an id: a token of one that no longer is, is forgotten
   */
  recall(
    token: string,
    { nowSeconds, keyOf }: { nowSeconds: number; keyOf: (kid: string) => KeyObject | undefined },
  ): VerifiedToken | undefined {
    const digest = digestOf(token);
    const known = this.#entries.get(digest);
    if (!known) return undefined;
    this.#entries.delete(digest);
    if (known.exp <= nowSeconds || keyOf(known.kid) !== known.key) return undefined;
    this.#entries.set(digest, known);
    return known;
  }

  remember(token: string, verified: VerifiedToken): void {
    this.#entries.set(digestOf(token), verified);
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

function digestOf(token: string): string {
  return sha256(token).toString('base64');
}
