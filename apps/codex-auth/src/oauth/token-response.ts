import { inSpan } from '@codex-gateways/service';
import { buildAccessToken, buildIdToken } from '@codex-gateways/tokens';
import type { KeyProvider } from '../signing-keys/key-provider.ts';
import { isWithin } from './granted-scope.ts';
import type { IssuedGrant } from './issued-grant.ts';
import type { SigningQueue } from './signing-queue.ts';
import type { TokenObserver } from './token-metrics.ts';

/** A successful token answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). The Codex CLI needs all three tokens. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope: string;
}

/** Signs the tokens of a grant that is stored already; both signatures are made at the same time, on the thread pool. */
export class TokenResponses {
  readonly #keys: Pick<KeyProvider, 'active'>;
  readonly #issuer: string;
  readonly #lifetimeSeconds: number;
  readonly #observer: Pick<TokenObserver, 'signed'>;
  readonly #queue: SigningQueue;

  /** @param accessTokenLifetimeSeconds - also of ID tokens */
  constructor(deps: {
    keys: Pick<KeyProvider, 'active'>;
    issuer: string;
    accessTokenLifetimeSeconds: number;
    observer: Pick<TokenObserver, 'signed'>;
    signingQueue: SigningQueue;
  }) {
    this.#keys = deps.keys;
    this.#issuer = deps.issuer;
    this.#lifetimeSeconds = deps.accessTokenLifetimeSeconds;
    this.#observer = deps.observer;
    this.#queue = deps.signingQueue;
  }

  /** @param nonce - of the authorization request; a refreshed ID token has none (OpenID Connect Core §12.2) */
  async of(
    grant: IssuedGrant,
    {
      jti,
      refreshToken,
      nonce,
      issuedAtSeconds,
    }: { jti: string; refreshToken: string | undefined; nonce?: string | undefined; issuedAtSeconds: number },
  ): Promise<TokenResponse> {
    const key = this.#keys.active();
    const times = { nowSeconds: issuedAtSeconds, lifetimeSeconds: this.#lifetimeSeconds };
    const { clientId, userId, scope } = grant;
    const startedAtMs = performance.now();
    const sign = () =>
      Promise.all([
        buildAccessToken(key, { iss: this.#issuer, sub: userId, client_id: clientId, scope, jti, ...times }),
        isWithin('openid', scope)
          ? buildIdToken(key, {
              issuer: this.#issuer,
              audience: clientId,
              subject: grant,
              nonce,
              authTimeSeconds: epochSeconds(grant.authenticatedAt),
              ...times,
            })
          : undefined,
      ]);
    const [access, idToken] = await this.#queue.during(1, () => inSpan('sign tokens', {}, sign));
    this.#observer.signed(performance.now() - startedAtMs);
    return {
      access_token: access.token,
      token_type: 'Bearer',
      expires_in: this.#lifetimeSeconds,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(idToken === undefined ? {} : { id_token: idToken }),
      scope,
    };
  }
}

function epochSeconds(date: Date | undefined): number | undefined {
  return date && Math.floor(date.getTime() / 1000);
}
