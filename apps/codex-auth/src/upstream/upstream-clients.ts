import type {
  TokenEndpointAuthMethod,
  UpstreamClientResolution,
  UpstreamClientSettings,
} from '../upstream-registration/upstream-client.ts';
import type { UpstreamConfig } from './upstream-config.ts';

/** Knows which client this server is at a provider where it registers itself. */
export interface UpstreamClients {
  resolve(upstream: UpstreamClientSettings): Promise<UpstreamClientResolution>;
}

/** Which client this server is at a provider. */
export interface UpstreamClient {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  /** Undefined for whichever the provider knows. */
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod | undefined;
  readonly redirectUri: string;
}

/** The client that the configuration names, or the one that this server has registered, or registers now. */
export async function clientAt(upstream: UpstreamConfig, clients: UpstreamClients): Promise<UpstreamClient> {
  const { name, clientId, clientSecret, redirectUri, scopes, registration, issuer } = upstream;
  if (clientId !== undefined) {
    const tokenEndpointAuthMethod = clientSecret === undefined ? 'none' : upstream.tokenEndpointAuthMethod;
    return { clientId, clientSecret, tokenEndpointAuthMethod, redirectUri };
  }
  const { authorizationEndpoint, tokenEndpoint } = upstream.type === 'oauth2' ? upstream : {};
  const endpoints = { authorizationEndpoint, tokenEndpoint };
  const resolved = await clients.resolve({ name, issuer, ...endpoints, redirectUri, scopes, registration });
  return {
    clientId: resolved.clientId,
    clientSecret: resolved.clientSecret,
    tokenEndpointAuthMethod: resolved.tokenEndpointAuthMethod,
    redirectUri: resolved.redirectUri,
  };
}
