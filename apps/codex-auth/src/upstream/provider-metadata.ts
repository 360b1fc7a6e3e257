import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  type CustomFetch,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
} from 'openid-client';
import { isLoopbackHttp, isSecureUrl } from './secure-url.ts';
import type { UpstreamClient } from './upstream-clients.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { UpstreamError } from './upstream-error.ts';

/** Whether the configuration names a provider on this machine, which may do without TLS. */
export function isLocalProvider(upstream: UpstreamConfig): boolean {
  const address = upstream.issuer ?? (upstream.type === 'oauth2' ? upstream.tokenEndpoint : undefined);
  return address !== undefined && isLoopbackHttp(address);
}

/**
 * What the library needs to speak to a provider: its metadata, by discovery (the issuer in them must be the one that was asked:
 * RFC 8414 §3.3, OpenID Connect Discovery §4.3) or from the configuration, and the client that this server is there.
 */
export async function configurationOf(
  upstream: UpstreamConfig,
  { client, fetch }: { client: UpstreamClient; fetch: CustomFetch },
): Promise<Configuration> {
  const configuration = await discovered(upstream, { client, fetch });
  const { authorization_endpoint: authorizationEndpoint = '' } = configuration.serverMetadata();
  const isUsable = isSecureUrl(authorizationEndpoint);
  if (!isUsable || (isLoopbackHttp(authorizationEndpoint) && !isLocalProvider(upstream))) {
    throw new UpstreamError(upstream.name, 'unusable', 'its authorization endpoint is not an https URL');
  }
  // The signature of an ID token counts even where TLS says whose answer it is.
  if (upstream.type === 'oidc') enableNonRepudiationChecks(configuration);
  return configuration;
}

async function discovered(
  upstream: UpstreamConfig,
  { client, fetch }: { client: UpstreamClient; fetch: CustomFetch },
): Promise<Configuration> {
  const { clientId } = client;
  const auth = clientAuthOf(client);
  const insecure = isLocalProvider(upstream) ? [allowInsecureRequests] : [];
  const endpoints = configuredEndpoints(upstream);
  if (!upstream.issuer || (endpoints.authorization_endpoint && endpoints.token_endpoint)) {
    // Without an issuer of its own, what the library compares is a name that no answer has.
    const server = { issuer: upstream.issuer ?? `https://${upstream.name}.invalid`, ...endpoints };
    const configuration = new Configuration(server, clientId, {}, auth);
    configuration[customFetch] = fetch;
    for (const allow of insecure) allow(configuration);
    return configuration;
  }
  const algorithm = upstream.type === 'oidc' ? 'oidc' : 'oauth2';
  const options = { [customFetch]: fetch, execute: insecure, algorithm } as const;
  return discovery(new URL(upstream.issuer), clientId, {}, auth, options);
}

function configuredEndpoints(upstream: UpstreamConfig) {
  if (upstream.type === 'oidc') return {};
  const { authorizationEndpoint, tokenEndpoint } = upstream;
  return {
    ...(authorizationEndpoint === undefined ? {} : { authorization_endpoint: authorizationEndpoint }),
    ...(tokenEndpoint === undefined ? {} : { token_endpoint: tokenEndpoint }),
  };
}

/** RFC 6749 §2.3.1: every provider knows Basic, unless its metadata say otherwise. */
function clientAuthOf({ clientSecret, tokenEndpointAuthMethod }: UpstreamClient): ClientAuth {
  if (clientSecret === undefined || tokenEndpointAuthMethod === 'none') return None();
  const basic = ClientSecretBasic(clientSecret);
  const post = ClientSecretPost(clientSecret);
  if (tokenEndpointAuthMethod) return tokenEndpointAuthMethod === 'client_secret_post' ? post : basic;
  return (server, client, body, headers) => {
    const { token_endpoint_auth_methods_supported: methods } = server;
    const isBasic = methods?.includes('client_secret_basic') ?? true;
    return (isBasic ? basic : post)(server, client, body, headers);
  };
}
