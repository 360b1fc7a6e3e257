import { sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { verifyRs256 } from '@codex-gateways/tokens';
import type { KeyProvider } from '../signing-keys/key-provider.ts';
import { findAccessToken } from './access-token-store.ts';

/** Who holds an access token, and what it is good for. */
export interface AccessTokenHolder {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
  readonly role: 'admin' | 'member';
  readonly clientId: string;
  /** Space-separated (RFC 6749 §3.3). */
  readonly scope: string;
  readonly grantId: string;
}

/** Checks access tokens. */
export class AccessTokens {
  readonly #db: Queryable;
  readonly #keys: Pick<KeyProvider, 'verificationKey'>;
  readonly #clock: Clock;

  constructor({ db, keys, clock }: { db: Queryable; keys: Pick<KeyProvider, 'verificationKey'>; clock: Clock }) {
    this.#db = db;
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * The holder of a live token; undefined when it is malformed, expired, revoked, or its user disabled. A token that we did
   * not sign is refused without asking the database; any other costs one round trip.
   */
  async authenticate(token: string): Promise<AccessTokenHolder | undefined> {
    const jti = this.jtiOf(token);
    return jti === undefined
      ? undefined
      : findAccessToken(this.#db, { jtiDigest: sha256(jti), now: this.#clock.now() });
  }

  /** The id of a token that we signed and that has not expired, whether or not it was revoked; undefined for any other text. */
  jtiOf(token: string): string | undefined {
    const outcome = verifyRs256(token, {
      findKey: (kid) => this.#keys.verificationKey(kid),
      nowSeconds: this.#clock.nowSeconds(),
      typ: 'at+jwt',
    });
    return outcome.ok && typeof outcome.payload.jti === 'string' ? outcome.payload.jti : undefined;
  }
}
