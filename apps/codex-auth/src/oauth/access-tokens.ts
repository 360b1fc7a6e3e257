import { sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { verifyRs256 } from '@codex-gateways/tokens';
import { LookupBatch } from '../lookup-batch.ts';
import type { KeyProvider } from '../signing-keys/key-provider.ts';
import { type AccessTokenKey, findAccessTokens } from './access-token-store.ts';
import { type VerifiedToken, VerifiedTokens } from './verified-tokens.ts';

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
  /** Whether the user belongs to the workspace that was asked about; true when none was. */
  readonly isMemberOfAccount: boolean;
}

export interface AccessTokensDeps {
  readonly db: Queryable;
  readonly keys: Pick<KeyProvider, 'verificationKey' | 'learn'>;
  readonly clock: Clock;
}

/**
 * Checks access tokens. A signature is verified once and remembered until the token expires; whether the token still lives is asked of
 * the database each time, and requests that come together ask together.
 */
export class AccessTokens {
  readonly #keys: Pick<KeyProvider, 'verificationKey' | 'learn'>;
  readonly #clock: Clock;
  readonly #verified = new VerifiedTokens();
  readonly #lookups: LookupBatch<AccessTokenKey, AccessTokenHolder>;

  constructor({ db, keys, clock }: AccessTokensDeps) {
    this.#keys = keys;
    this.#clock = clock;
    this.#lookups = new LookupBatch((wanted) => findAccessTokens(db, { keys: wanted, now: clock.now() }));
  }

  /**
   * The holder of a live token; undefined when it is malformed, expired, revoked, or its user disabled. A token that we did
   * not sign is refused without asking the database, except that a key id which is new here may have it asked for the keys,
   * once a second; any other costs one round trip at most.
   * @param accountId - a workspace, to learn in the same round trip whether the user belongs to it
   */
  async authenticate(token: string, { accountId }: { accountId?: string | undefined } = {}) {
    let outcome = this.#verify(token);
    if (outcome.unknownKid !== undefined && (await this.#keys.learn(outcome.unknownKid))) {
      outcome = this.#verify(token);
    }
    const { verified } = outcome;
    return verified && this.#lookups.find({ jtiDigest: verified.jtiDigest, accountId });
  }

  /** The id of a token that we signed and that has not expired, whether or not it was revoked; undefined for any other text. */
  jtiOf(token: string): string | undefined {
    return this.#verify(token).verified?.jti;
  }

  #verify(token: string): { readonly verified?: VerifiedToken; readonly unknownKid?: string | undefined } {
    const nowSeconds = this.#clock.nowSeconds();
    const keyOf = (kid: string) => this.#keys.verificationKey(kid);
    const known = this.#verified.recall(token, { nowSeconds, keyOf });
    if (known) return { verified: known };
    let unknownKid: string | undefined;
    const findKey = (kid: string) => {
      const key = keyOf(kid);
      if (!key) unknownKid = kid;
      return key;
    };
    const outcome = verifyRs256(token, { findKey, nowSeconds, typ: 'at+jwt' });
    if (!outcome.ok) return { unknownKid };
    const { kid, payload } = outcome;
    const { jti, exp } = payload;
    const key = keyOf(kid);
    if (typeof jti !== 'string' || typeof exp !== 'number' || !key) return {};
    const verified = { jti, jtiDigest: sha256(jti), exp, kid, key };
    this.#verified.remember(token, verified);
    return { verified };
  }
}
