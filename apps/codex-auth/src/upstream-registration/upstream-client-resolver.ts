import type { Clock } from '@codex-gateways/service';
import type { UpstreamClientResolution, UpstreamClientSettings } from './upstream-client.ts';
import { UpstreamRegistrationError } from './upstream-registration-error.ts';

export interface UpstreamClientResolverDeps {
  /** Of this server. */
  readonly issuer: string;
  readonly clock: Clock;
}

/** Says which client this server is at an upstream. */
export class UpstreamClientResolver {
  readonly #deps: UpstreamClientResolverDeps;

  constructor(deps: UpstreamClientResolverDeps) {
    this.#deps = deps;
  }

  /** @throws {UpstreamRegistrationError} when there is no client for this upstream, with the reason for the log */
  async resolve(upstream: UpstreamClientSettings): Promise<UpstreamClientResolution> {
    const { name, clientId, clientSecret, authorizationEndpoint, tokenEndpoint } = upstream;
    if (!clientId || !authorizationEndpoint || !tokenEndpoint) {
      throw new UpstreamRegistrationError(name, 'not_configured', 'client id and endpoints are required');
    }
    return {
      clientId,
      clientSecret,
      authorizationEndpoint,
      tokenEndpoint,
      tokenEndpointAuthMethod: clientSecret === undefined ? 'none' : 'client_secret_basic',
      redirectUri: upstream.redirectUri ?? `${this.#deps.issuer}/oauth/callback`,
      createdAt: this.#deps.clock.now(),
      issuer: upstream.issuer,
    };
  }
}
