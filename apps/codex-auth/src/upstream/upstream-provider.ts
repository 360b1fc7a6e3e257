import type { Clock } from '@codex-gateways/service';
import { codeChallengeOf } from '@codex-gateways/tokens';
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  fetchProtectedResource,
  fetchUserInfo,
  refreshTokenGrant,
} from 'openid-client';
import { configurationOf, isLocalProvider } from './provider-metadata.ts';
import { clientAt, type UpstreamClient, type UpstreamClients } from './upstream-clients.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { toUpstreamError, UpstreamError } from './upstream-error.ts';
import { createUpstreamFetch, withoutIdTokens } from './upstream-fetch.ts';
import { type Claims, hasClaim, personOf, type UpstreamPerson } from './upstream-person.ts';

/** What one sign-in is bound to, at the provider and on its way back. */
export interface AuthorizationSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** Tokens for the provider's own APIs. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Of the access token; undefined when the provider does not say. */
  readonly expiresAt: Date | undefined;
}

export interface UpstreamProviderDeps {
  readonly upstream: UpstreamConfig;
  readonly clients: UpstreamClients;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Whether another provider sends people back to the same address, and only `iss` tells whose answer it is. */
  readonly sharesRedirectUri: boolean;
}

interface Known {
  readonly client: UpstreamClient;
  readonly configuration: Promise<Configuration>;
  readonly until: Date;
}

/** Metadata change rarely; keys are asked for again by the library when one is not known. */
const METADATA_LIFETIME_MS = 3_600_000;

/** What a provider says beyond it is no date that can be kept. */
const MAX_LIFETIME_SECONDS = 10 * 365 * 86_400;

type TokenAnswer = Awaited<ReturnType<typeof refreshTokenGrant>>;

/**
 * One identity provider. ID tokens are checked whole by the library: issuer, audience, nonce, times, and a signature of an asymmetric
 * algorithm that the provider announces. Every method throws {@link UpstreamError}.
 */
export class UpstreamProvider {
  readonly upstream: UpstreamConfig;
  readonly #deps: UpstreamProviderDeps;
  readonly #fetch: ReturnType<typeof createUpstreamFetch>;
  #known: Known | undefined;

  constructor(deps: UpstreamProviderDeps) {
    const { upstream, timeoutMs } = deps;
    this.upstream = upstream;
    this.#deps = deps;
    const ask = createUpstreamFetch({ provider: upstream.name, isLocal: isLocalProvider(upstream), timeoutMs });
    this.#fetch = upstream.type === 'oidc' ? ask : withoutIdTokens(ask);
  }

  /** Where the person's browser goes. @param isFresh - whether the person has to prove who they are again */
  authorizationUrl(
    { state, nonce, codeVerifier }: AuthorizationSecrets,
    { isFresh, loginHint }: { isFresh: boolean; loginHint: string | undefined },
  ): Promise<URL> {
    return this.#speak(async ({ configuration, client }) => {
      const { type, scopes, authorizationParameters } = this.upstream;
      return buildAuthorizationUrl(configuration, {
        ...authorizationParameters,
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
        ...(isFresh && type === 'oidc' ? { prompt: 'login', max_age: '0' } : {}),
        ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
        ...(type === 'oidc' ? { nonce } : {}),
        ...{ redirect_uri: client.redirectUri, state },
        ...{ code_challenge: codeChallengeOf(codeVerifier), code_challenge_method: 'S256' },
      });
    });
  }

  /**
   * Refuses an answer of somebody else, before anything in it is believed or passed on (RFC 9207 §2.4; RFC 9700 §4.4).
   * @param answer.iss - as it came with the answer
   */
  requireOwnAnswer({ iss }: { iss: string | undefined }): Promise<void> {
    return this.#speak(async ({ configuration }) => {
      const { issuer, authorization_response_iss_parameter_supported: sendsIss } = configuration.serverMetadata();
      const expected = this.upstream.issuer === undefined ? undefined : issuer;
      const isExclusive = !this.#deps.sharesRedirectUri;
      if (iss !== undefined && expected !== undefined && iss !== expected) throw this.#mixedUp('another issuer');
      if (iss === undefined && sendsIss) throw this.#mixedUp('no issuer, which it always names');
      if ((iss === undefined || expected === undefined) && !isExclusive) {
        throw this.#mixedUp('no issuer that can be checked: give it a redirect_uri of its own');
      }
    });
  }

  /** Turns a code into tokens, and into what the provider says about the person. */
  redeem(
    { code, iss }: { code: string; iss: string | undefined },
    { state, nonce, codeVerifier }: AuthorizationSecrets,
  ): Promise<{ person: UpstreamPerson; tokens: UpstreamTokens }> {
    return this.#speak(async ({ configuration, client }) => {
      const isOidc = this.upstream.type === 'oidc';
      const callback = new URL(client.redirectUri);
      const isComparable = iss !== undefined && this.upstream.issuer !== undefined;
      callback.search = new URLSearchParams({ code, state, ...(isComparable ? { iss } : {}) }).toString();
      const checks = { expectedState: state, pkceCodeVerifier: codeVerifier };
      const askedAt = this.#deps.clock.now();
      const answer = await authorizationCodeGrant(
        configuration,
        callback,
        isOidc ? { ...checks, expectedNonce: nonce, idTokenExpected: true } : checks,
      );
      const person = personOf(await this.#sources(configuration, answer), this.upstream);
      if (!person) throw new UpstreamError(this.upstream.name, 'unusable', 'it names no subject');
      return { person, tokens: this.#tokensOf(answer, askedAt) };
    });
  }

  /** @param subject - whose token it is: an answer about somebody else is refused (OpenID Connect Core §12.2) */
  refresh(refreshToken: string, subject: string): Promise<UpstreamTokens> {
    return this.#speak(async ({ configuration }) => {
      const askedAt = this.#deps.clock.now();
      const answer = await refreshTokenGrant(configuration, refreshToken);
      const claims = this.upstream.type === 'oidc' ? answer.claims() : undefined;
      if (claims && claims.sub !== subject) {
        throw new UpstreamError(this.upstream.name, 'unusable', 'it answered a refresh with tokens of somebody else');
      }
      return this.#tokensOf(answer, askedAt);
    });
  }

  async #sources(configuration: Configuration, answer: TokenAnswer): Promise<readonly Claims[]> {
    const { upstream } = this;
    if (upstream.type === 'oauth2') return [await this.#userinfo(configuration, answer, upstream.userinfoEndpoint)];
    const claims = answer.claims();
    if (!claims) throw new UpstreamError(upstream.name, 'unusable', 'it gave no ID token');
    const { email, emailVerified, groups } = upstream.claims;
    const needed = [email, emailVerified, ...(upstream.admission.groups.length > 0 ? [groups] : [])];
    const isComplete = needed.every((path) => hasClaim(claims, path));
    if (isComplete || configuration.serverMetadata().userinfo_endpoint === undefined) return [claims];
    return [claims, await fetchUserInfo(configuration, answer.access_token, claims.sub)];
  }

  async #userinfo(configuration: Configuration, answer: TokenAnswer, endpoint: string): Promise<Claims> {
    const headers = new Headers({ accept: 'application/json' });
    const url = new URL(endpoint);
    const said = await fetchProtectedResource(configuration, answer.access_token, url, 'GET', null, headers);
    const claims: unknown = said.status === 200 ? await said.json().catch(() => undefined) : undefined;
    if (typeof claims !== 'object' || claims === null) {
      throw new UpstreamError(
        this.upstream.name,
        'unusable',
        `its userinfo endpoint answers ${said.status}, or no JSON`,
      );
    }
    return claims as Claims;
  }

  #tokensOf(answer: TokenAnswer, askedAt: Date): UpstreamTokens {
    const lifetimeSeconds =
      answer.expires_in === undefined ? undefined : Math.min(answer.expires_in, MAX_LIFETIME_SECONDS);
    return {
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token,
      idToken: answer.id_token,
      expiresAt: lifetimeSeconds === undefined ? undefined : new Date(askedAt.getTime() + lifetimeSeconds * 1000),
    };
  }

  async #speak<Result>(
    talk: (known: { configuration: Configuration; client: UpstreamClient }) => Promise<Result>,
  ): Promise<Result> {
    try {
      const { client, configuration } = await this.#know();
      return await talk({ client, configuration: await configuration });
    } catch (error) {
      throw toUpstreamError(this.upstream.name, error);
    }
  }

  async #know(): Promise<Known> {
    const { upstream } = this;
    const now = this.#deps.clock.now();
    const client = await clientAt(upstream, this.#deps.clients);
    const known = this.#known;
    if (known && known.until > now && isSameClient(known.client, client)) return known;
    const configuration = configurationOf(upstream, { client, fetch: this.#fetch });
    const fresh = { client, configuration, until: new Date(now.getTime() + METADATA_LIFETIME_MS) };
    this.#known = fresh;
    configuration.catch(() => {
      if (this.#known === fresh) this.#known = undefined;
    });
    return fresh;
  }

  #mixedUp(why: string): UpstreamError {
    return new UpstreamError(this.upstream.name, 'mixed_up', `an answer names ${why}`);
  }
}

function isSameClient(left: UpstreamClient, right: UpstreamClient): boolean {
  return left.clientId === right.clientId && left.clientSecret === right.clientSecret;
}
