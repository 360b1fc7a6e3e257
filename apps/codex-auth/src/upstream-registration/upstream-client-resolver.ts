import type { Clock } from '@codex-gateways/service';
import { isSecureUrl } from '../upstream/secure-url.ts';
import { authMethodWithSecret } from './client-authentication-choice.ts';
import { scopesHash, upstreamIdentity } from './dcr-key.ts';
import { registerClient } from './register-client.ts';
import type { TokenEndpointAuthMethod, UpstreamClientResolution, UpstreamClientSettings } from './upstream-client.ts';
import { discoverUpstream, type UpstreamMetadata } from './upstream-metadata.ts';
import { UpstreamRegistrationError } from './upstream-registration-error.ts';
import type { UpstreamRegistrations } from './upstream-registrations.ts';

/** Metadata changes rarely; an explicit client asks for it at every sign-in. */
const METADATA_LIFETIME_MS = 600_000;

export interface UpstreamClientResolverDeps {
  /** Of this server. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly registrations: Pick<UpstreamRegistrations, 'ensure'>;
  /** Of one call to an upstream. */
  readonly timeoutMs: number;
}

/** Says which client this server is at an upstream: the one that its configuration names, or one that it registers. */
export class UpstreamClientResolver {
  readonly #deps: UpstreamClientResolverDeps;
  readonly #metadata = new Map<string, { readonly found: Promise<UpstreamMetadata>; readonly untilMs: number }>();

  constructor(deps: UpstreamClientResolverDeps) {
    this.#deps = deps;
  }

  /** @throws {UpstreamRegistrationError} when there is no client for this upstream, with the reason for the log */
  async resolve(upstream: UpstreamClientSettings): Promise<UpstreamClientResolution> {
    const redirectUri = upstream.redirectUri ?? `${this.#deps.issuer}/oauth/callback`;
    return upstream.clientId === undefined
      ? this.#resolveRegistered(upstream, redirectUri)
      : this.#resolveExplicit({ ...upstream, clientId: upstream.clientId }, redirectUri);
  }

  async #resolveExplicit(
    upstream: UpstreamClientSettings & { clientId: string },
    redirectUri: string,
  ): Promise<UpstreamClientResolution> {
    const { clientId, clientSecret, authorizationEndpoint, tokenEndpoint } = upstream;
    const isComplete = authorizationEndpoint !== undefined && tokenEndpoint !== undefined;
    const metadata = isComplete ? undefined : await this.#discover(upstream);
    return {
      clientId,
      clientSecret,
      ...endpointsOf(upstream, metadata),
      tokenEndpointAuthMethod: explicitAuthMethod(upstream, metadata),
      redirectUri,
      createdAt: this.#deps.clock.now(),
      issuer: upstream.issuer,
      jwksUri: metadata?.jwksUri,
      userinfoEndpoint: metadata?.userinfoEndpoint,
    };
  }

  async #resolveRegistered(upstream: UpstreamClientSettings, redirectUri: string): Promise<UpstreamClientResolution> {
    const { name, issuer, scopes } = upstream;
    const address = issuer ?? upstream.registration?.registrationEndpoint;
    if (address === undefined) {
      throw new UpstreamRegistrationError(name, 'not_configured', 'has neither a client id nor where to register one');
    }
    const resolution = await this.#deps.registrations.ensure({
      name,
      key: {
        issuer: this.#deps.issuer,
        redirectUri,
        scopesHash: scopesHash(scopes),
        upstream: upstreamIdentity({ name, address }),
      },
      register: () => this.#register(upstream, redirectUri),
    });
    // What the configuration names now goes before what was found when this server registered.
    return { ...resolution, ...endpointsOf(upstream, resolution) };
  }

  async #register(upstream: UpstreamClientSettings, redirectUri: string): Promise<UpstreamClientResolution> {
    const metadata = upstream.issuer === undefined ? undefined : await this.#discover(upstream);
    const { clock, timeoutMs } = this.#deps;
    const endpoints = endpointsOf(upstream, metadata);
    return registerClient({ upstream, metadata, endpoints, redirectUri, now: clock.now(), timeoutMs });
  }

  /** Concurrent calls share one exchange. A failure is not kept. */
  #discover({ name: upstream, issuer }: UpstreamClientSettings): Promise<UpstreamMetadata> {
    if (issuer === undefined || !isSecureUrl(issuer)) {
      throw new UpstreamRegistrationError(upstream, 'not_configured', 'has neither its endpoints nor an https issuer');
    }
    const nowMs = this.#deps.clock.now().getTime();
    const known = this.#metadata.get(issuer);
    if (known && known.untilMs > nowMs) return known.found;
    const found = discoverUpstream({ upstream, issuer, timeoutMs: this.#deps.timeoutMs });
    this.#metadata.set(issuer, { found, untilMs: nowMs + METADATA_LIFETIME_MS });
    found.catch(() => this.#metadata.delete(issuer));
    return found;
  }
}

type Endpoints = Pick<UpstreamClientResolution, 'authorizationEndpoint' | 'tokenEndpoint'>;

function endpointsOf(upstream: UpstreamClientSettings, found: Partial<Endpoints> | undefined): Endpoints {
  const authorizationEndpoint = upstream.authorizationEndpoint ?? found?.authorizationEndpoint;
  const tokenEndpoint = upstream.tokenEndpoint ?? found?.tokenEndpoint;
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined) {
    throw new UpstreamRegistrationError(upstream.name, 'bad_metadata', 'names no authorization or no token endpoint');
  }
  if (!isSecureUrl(authorizationEndpoint) || !isSecureUrl(tokenEndpoint)) {
    throw new UpstreamRegistrationError(upstream.name, 'not_configured', 'an endpoint must be https');
  }
  return { authorizationEndpoint, tokenEndpoint };
}

/** @throws {UpstreamRegistrationError} `unsupported` when the upstream takes the secret in no way that this server has */
function explicitAuthMethod(
  { name, clientSecret, tokenEndpointAuthMethod }: UpstreamClientSettings,
  metadata: UpstreamMetadata | undefined,
): TokenEndpointAuthMethod {
  if (tokenEndpointAuthMethod !== undefined) return tokenEndpointAuthMethod;
  if (clientSecret === undefined) return 'none';
  const method = authMethodWithSecret(metadata);
  if (method) return method;
  throw new UpstreamRegistrationError(name, 'unsupported', 'takes no client secret, as far as its metadata says');
}
