import { sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { parseClientKey, verifyClientAssertion } from '@codex-gateways/tokens';
import { insertUsedAssertion } from './client-assertion-store.ts';
import type { OAuthClient } from './clients.ts';

/** Checks the JWTs by which clients authenticate, each once (`private_key_jwt`, RFC 7523 §2.2). */
export class ClientAssertions {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #audiences: readonly string[];

  constructor({ db, clock, issuer }: { db: Queryable; clock: Clock; issuer: string }) {
    this.#db = db;
    this.#clock = clock;
    this.#audiences = [issuer, `${issuer}/oauth/token`];
  }

  /** Accepts an assertion, which cannot be used again. @returns why it is refused, for the log; undefined when it is not */
  async refusalOf(client: OAuthClient, assertion: string): Promise<string | undefined> {
    const { clientId, keys = [], signingAlg: alg } = client;
    const outcome = verifyClientAssertion(assertion, {
      clientId,
      keys: keys.map(parseClientKey),
      audiences: this.#audiences,
      alg,
      nowSeconds: this.#clock.nowSeconds(),
    });
    if (!outcome.ok) return `client assertion: ${outcome.reason}`;
    const expiresAt = new Date(outcome.expiresAtSeconds * 1000);
    const isFirst = await insertUsedAssertion(this.#db, { clientId, jtiDigest: sha256(outcome.jti), expiresAt });
    return isFirst ? undefined : 'client assertion: used before';
  }
}
