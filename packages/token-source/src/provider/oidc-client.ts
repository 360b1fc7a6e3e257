import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  type DeviceAuthorizationResponse,
  discovery,
  enableNonRepudiationChecks,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client';
import { TokenSourceError } from '../errors.ts';
import { ensureOfflineAccess } from '../naming.ts';
import { boundedFetch, type HttpOptions } from './bounded-fetch.ts';
import { providerError } from './provider-error.ts';
import { secureUrl } from './secure-url.ts';
import { expiryOf, type TokenSet } from './token-set.ts';

/** What names this program to a provider. */
export interface OidcParams {
  /** https, or http on this machine. Must be what the provider calls itself (RFC 8414 §3.3). */
  readonly issuer: string;
  /** A public client: no secret, PKCE instead (RFC 8252 §8.5). */
  readonly clientId: string;
  /** `offline_access` is added when it is absent. */
  readonly scopes: readonly string[];
  /** Whom the token is for; sent as `audience`, and as `resource` when it is a URL (RFC 8707). */
  readonly audience?: string | undefined;
  /** Where the browser comes back to; 8666 by default, 0 for any free port. */
  readonly callbackPort?: number | undefined;
  /** `/callback` by default. */
  readonly callbackPath?: string | undefined;
  /**
   * Asks for `prompt=consent`, without which a provider must ignore `offline_access` (OIDC Core §11); true by default. False for a
   * provider that gives refresh tokens without asking the person each time.
   */
  readonly asksForConsent?: boolean | undefined;
}

/** What a browser login remembers between its two halves. */
export interface AuthorizationRequest {
  readonly url: URL;
  readonly state: string;
  readonly nonce: string | undefined;
  readonly codeVerifier: string;
}

export interface OidcClientOptions extends HttpOptions {
  readonly oidc: OidcParams;
  readonly now: () => Date;
}

/**
 * The provider, by discovery. ID tokens are checked whole, their signature included: issuer, audience, nonce, times, and an
 * asymmetric algorithm that the provider announces.
 */
export class OidcClient {
  readonly #options: OidcClientOptions;
  #configuration: Promise<Configuration> | undefined;

  constructor(options: OidcClientOptions) {
    this.#options = options;
  }

  /** @throws {TokenSourceError} `provider_unreachable`, `provider_invalid` */
  async authorizationRequest(redirectUri: string, state: string): Promise<AuthorizationRequest> {
    const configuration = await this.#discover();
    const codeVerifier = randomPKCECodeVerifier();
    const nonce = this.#wantsIdToken ? randomNonce() : undefined;
    const url = buildAuthorizationUrl(configuration, {
      ...this.#grantParameters(),
      redirect_uri: redirectUri,
      state,
      code_challenge: await calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      ...(nonce === undefined ? {} : { nonce }),
      ...((this.#options.oidc.asksForConsent ?? true) ? { prompt: 'consent' } : {}),
    });
    return { url, state, nonce, codeVerifier };
  }

  /**
   * Turns the URL that the browser came back to into tokens.
   * @throws {TokenSourceError} `login_refused`, `provider_unreachable`, `provider_invalid`
   */
  redeem(callbackUrl: URL, { state, nonce, codeVerifier }: AuthorizationRequest): Promise<TokenSet> {
    const checks = { expectedState: state, pkceCodeVerifier: codeVerifier, idTokenExpected: this.#wantsIdToken };
    return this.#tokens({ doing: 'the sign-in failed', refused: 'login_refused' }, (configuration) =>
      authorizationCodeGrant(
        configuration,
        callbackUrl,
        nonce === undefined ? checks : { ...checks, expectedNonce: nonce },
        this.#resourceParameters(),
      ),
    );
  }

  /** @throws {TokenSourceError} `sign_in_again`, `provider_unreachable`, `provider_invalid` */
  refresh(refreshToken: string): Promise<TokenSet> {
    return this.#tokens({ doing: 'the sign-in has ended', refused: 'sign_in_again' }, (configuration) =>
      refreshTokenGrant(configuration, refreshToken, this.#resourceParameters()),
    );
  }

  /** RFC 8628 §3.1. @throws {TokenSourceError} also `provider_invalid` when the provider offers no such login */
  async startDeviceLogin(): Promise<DeviceAuthorizationResponse> {
    const configuration = await this.#discover();
    if (configuration.serverMetadata().device_authorization_endpoint === undefined) {
      throw new TokenSourceError('provider_invalid', `${this.#options.oidc.issuer} offers no login by device code`);
    }
    try {
      return await initiateDeviceAuthorization(configuration, this.#grantParameters());
    } catch (error) {
      throw await providerError(error, { doing: 'the login cannot begin', refused: 'login_refused' });
    }
  }

  /** Waits for the person (RFC 8628 §3.4). @throws {TokenSourceError} as `redeem` */
  pollDeviceLogin(login: DeviceAuthorizationResponse, signal: AbortSignal): Promise<TokenSet> {
    return this.#tokens({ doing: 'the sign-in failed', refused: 'login_refused' }, (configuration) =>
      pollDeviceAuthorizationGrant(configuration, login, this.#resourceParameters(), { signal }),
    );
  }

  /** RFC 7009. @returns false when the provider has no such endpoint. @throws {TokenSourceError} */
  async revoke(refreshToken: string): Promise<boolean> {
    const configuration = await this.#discover();
    if (configuration.serverMetadata().revocation_endpoint === undefined) return false;
    try {
      await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
      return true;
    } catch (error) {
      throw await providerError(error, { doing: 'the sign-in cannot be revoked', refused: 'provider_invalid' });
    }
  }

  get #wantsIdToken(): boolean {
    return this.#options.oidc.scopes.includes('openid');
  }

  #grantParameters(): Record<string, string> {
    return { scope: ensureOfflineAccess(this.#options.oidc.scopes).join(' '), ...this.#resourceParameters() };
  }

  #resourceParameters(): Record<string, string> {
    const { audience } = this.#options.oidc;
    if (audience === undefined) return {};
    return /^https?:/.test(audience) ? { audience, resource: audience } : { audience };
  }

  async #tokens(
    words: Parameters<typeof providerError>[1],
    grant: (configuration: Configuration) => ReturnType<typeof refreshTokenGrant>,
  ): Promise<TokenSet> {
    const configuration = await this.#discover();
    const askedAt = this.#options.now(); // before the answer: a token is never thought to live longer than it does
    try {
      const answer = await grant(configuration);
      const expiry = { expiresInSeconds: answer.expires_in, now: askedAt };
      return {
        accessToken: answer.access_token,
        expiresAt: expiryOf(answer.access_token, expiry),
        refreshToken: answer.refresh_token,
      };
    } catch (error) {
      throw await providerError(error, words);
    }
  }

  /** Once; again after a failure. */
  #discover(): Promise<Configuration> {
    const discovered = this.#configuration ?? this.#askConfiguration();
    this.#configuration = discovered;
    discovered.catch(() => {
      if (this.#configuration === discovered) this.#configuration = undefined;
    });
    return discovered;
  }

  async #askConfiguration(): Promise<Configuration> {
    const { issuer, clientId } = this.#options.oidc;
    const url = secureUrl(issuer);
    const insecure = url.protocol === 'http:' ? [allowInsecureRequests] : [];
    const fetch = boundedFetch(this.#options);
    try {
      return await discovery(url, clientId, { token_endpoint_auth_method: 'none' }, None(), {
        execute: [...insecure, enableNonRepudiationChecks],
        [customFetch]: (address, init) => fetch(secureUrl(address).href, init),
      });
    } catch (error) {
      throw await providerError(error, { doing: `${issuer} cannot be used`, refused: 'provider_invalid' });
    }
  }
}
