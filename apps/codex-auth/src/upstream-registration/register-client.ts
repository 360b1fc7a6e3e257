import { askUpstream } from './ask-upstream.ts';
import { chooseAuthMethod } from './client-authentication-choice.ts';
import { readRegistration } from './client-registration-answer.ts';
import type { UpstreamClientResolution, UpstreamClientSettings } from './upstream-client.ts';
import type { UpstreamMetadata } from './upstream-metadata.ts';
import { UpstreamRegistrationError } from './upstream-registration-error.ts';

export interface ClientRegistrationRequest {
  readonly upstream: UpstreamClientSettings;
  /** Undefined for one whose addresses the configuration names. */
  readonly metadata: UpstreamMetadata | undefined;
  readonly endpoints: { readonly authorizationEndpoint: string; readonly tokenEndpoint: string };
  readonly redirectUri: string;
  readonly now: Date;
  readonly timeoutMs: number;
}

/**
 * Registers this server as a client of an upstream (RFC 7591 §3).
 * @throws {UpstreamRegistrationError} when it is no client of it afterwards, or one that this server cannot use
 */
export async function registerClient(request: ClientRegistrationRequest): Promise<UpstreamClientResolution> {
  const { upstream, metadata, endpoints, redirectUri, now, timeoutMs } = request;
  const url = upstream.registration?.registrationEndpoint ?? metadata?.registrationEndpoint;
  if (url === undefined) throw new UpstreamRegistrationError(upstream.name, 'unsupported', 'registers no clients');
  const tokenEndpointAuthMethod = chooseAuthMethod(metadata);
  if (tokenEndpointAuthMethod === undefined) {
    const why = 'has no client_secret_basic, client_secret_post, or none with S256';
    throw new UpstreamRegistrationError(upstream.name, 'unsupported', why);
  }
  const answer = await askUpstream({
    upstream: upstream.name,
    url,
    timeoutMs,
    method: 'POST',
    bearer: upstream.registration?.initialAccessToken,
    body: {
      client_name: 'Codex Gateways',
      redirect_uris: [redirectUri],
      grant_types: grantTypes(metadata),
      response_types: ['code'],
      token_endpoint_auth_method: tokenEndpointAuthMethod,
      ...(upstream.scopes.length > 0 ? { scope: upstream.scopes.join(' ') } : {}),
    },
  });
  const issuer = metadata?.issuer ?? upstream.issuer;
  const asked = { upstream: upstream.name, redirectUri, tokenEndpointAuthMethod, advertised: metadata, now };
  return {
    ...readRegistration(answer, { ...asked, issuer: issuer ?? url }),
    ...endpoints,
    redirectUri,
    createdAt: now,
    issuer,
    jwksUri: metadata?.jwksUri,
    userinfoEndpoint: metadata?.userinfoEndpoint,
  };
}

/** With refresh tokens, unless the upstream says that it has none. */
function grantTypes(metadata: UpstreamMetadata | undefined): readonly string[] {
  const hasRefresh = metadata?.grantTypes?.includes('refresh_token') ?? true;
  return hasRefresh ? ['authorization_code', 'refresh_token'] : ['authorization_code'];
}
