import { sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { type JwsOutcome, verifyRs256 } from '@codex-gateways/tokens';
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

export interface AccessTokensDeps {
  readonly db: Queryable;
  readonly keys: Pick<KeyProvider, 'verificationKey' | 'learn'>;
  readonly clock: Clock;
}

/** Checks access tokens. */
export class AccessTokens {
  readonly #db: Queryable;
  readonly #keys: Pick<KeyProvider, 'verificationKey' | 'learn'>;
  readonly #clock: Clock;

  constructor({ db, keys, clock }: AccessTokensDeps) {
    this.#db = db;
    this.#keys = keys;
    this.#clock = clock;
  }

  /**
   * The holder of a live token; undefined when it is malformed, expired, revoked, or its user disabled. A token that we did
   * not sign is refused without asking the database, except that a key id which is new here may have it asked for the keys,
   * once a second; any other costs one round trip.
   */
  async authenticate(token: string): Promise<AccessTokenHolder | undefined> {
    let outcome = this.#verify(token);
    if (!outcome.ok && outcome.unknownKid !== undefined && (await this.#keys.learn(outcome.unknownKid))) {
      outcome = this.#verify(token);
    }
    const jti = jtiIn(outcome);
    return jti === undefined
      ? undefined
      : findAccessToken(this.#db, { jtiDigest: sha256(jti), now: this.#clock.now() });
  }

  /** The id of a token that we signed and that has not expired, whether or not it was revoked; undefined for any other text. */
  jtiOf(token: string): string | undefined {
    return jtiIn(this.#verify(token));
  }

  #verify(token: string): JwsOutcome & { unknownKid?: string | undefined } {
    let unknownKid: string | undefined;
    const outcome = verifyRs256(token, {
      findKey: (kid) => {
        const key = this.#keys.verificationKey(kid);
        if (!key) unknownKid = kid;
        return key;
      },
      nowSeconds: this.#clock.nowSeconds(),
      typ: 'at+jwt',
    });
    return { ...outcome, unknownKid };
  }
}

function jtiIn(outcome: JwsOutcome): string | undefined {
  return outcome.ok && typeof outcome.payload.jti === 'string' ? outcome.payload.jti : undefined;
}
