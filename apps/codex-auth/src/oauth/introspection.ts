import { sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { isRefreshToken } from '@codex-gateways/tokens';
import type { AccessTokens } from './access-tokens.ts';
import { findLiveAccessToken, findLiveRefreshToken, type LiveToken } from './introspection-store.ts';

/** The answer of RFC 7662 §2.2. */
export type IntrospectionResponse = { readonly active: false } | ActiveToken;

interface ActiveToken {
  readonly active: true;
  readonly iss: string;
  readonly sub: string;
  readonly username: string;
  readonly client_id: string;
  readonly scope: string;
  /** `Bearer` for access tokens; absent for refresh tokens, which have no type. */
  readonly token_type?: 'Bearer';
  /** Of access tokens, as in the token (RFC 9068 §2.2). */
  readonly aud?: string;
  readonly jti?: string;
  readonly iat: number;
  readonly exp: number;
}

/** Tells resource servers about tokens. */
export class Introspection {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #accessTokens: Pick<AccessTokens, 'jtiOf'>;
  readonly #issuer: string;

  constructor(deps: { db: Queryable; clock: Clock; accessTokens: Pick<AccessTokens, 'jtiOf'>; issuer: string }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#accessTokens = deps.accessTokens;
    this.#issuer = deps.issuer;
  }

  async introspect(token: string): Promise<IntrospectionResponse> {
    const now = this.#clock.now();
    if (isRefreshToken(token)) {
      return this.#toResponse(await findLiveRefreshToken(this.#db, { tokenDigest: sha256(token), now }), {});
    }
    const jti = this.#accessTokens.jtiOf(token);
    if (jti === undefined) return { active: false };
    const live = await findLiveAccessToken(this.#db, { jtiDigest: sha256(jti), now });
    return this.#toResponse(live, { token_type: 'Bearer', aud: this.#issuer, jti });
  }

  #toResponse(
    live: LiveToken | undefined,
    kind: Pick<ActiveToken, 'token_type' | 'aud' | 'jti'>,
  ): IntrospectionResponse {
    if (!live) return { active: false };
    return {
      active: true,
      iss: this.#issuer,
      sub: live.userId,
      username: live.email,
      client_id: live.clientId,
      scope: live.scope,
      ...kind,
      iat: Math.floor(live.issuedAt.getTime() / 1000),
      exp: Math.floor(live.expiresAt.getTime() / 1000),
    };
  }
}
