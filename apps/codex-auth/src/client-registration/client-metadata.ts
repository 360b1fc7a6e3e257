import { parseClientKey } from '@codex-gateways/tokens';
import { type ClientAuthMethod, DEVICE_CODE_GRANT, type Jwk, type OAuthClient } from '../oauth/clients.ts';
import { OAuthError } from '../oauth/oauth-error.ts';
import { API_SCOPE, SCOPES } from '../oauth/scopes.ts';
import { type ClientMetadataInput, clientMetadataSchema } from './client-metadata-schema.ts';
import { redirectUriProblem } from './redirect-uri-policy.ts';

/** What of a client its registration decides: everything but its id and its secret. */
export type RequestedClient = Omit<OAuthClient, 'clientId' | 'clientSecretDigest'>;

/** Grants that a registered client may use, and what a client that names none gets (RFC 7591 §2). */
export const REGISTRABLE_GRANTS: readonly string[] = ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT];
const DEFAULT_GRANTS = ['authorization_code'];
const DEFAULT_AUTH_METHOD: ClientAuthMethod = 'client_secret_basic';
const DEFAULT_SCOPE = 'openid profile email offline_access';
/** A page that says this name would ask for somebody else's trust. */
const OUR_NAMES = new Set(['codexcli', 'codex', 'codexgateways']);

/**
 * Reads what a client says of itself (RFC 7591 §2). What is not understood is ignored, as §2 has it; what is understood must be right.
 * @param isTrusted - whether somebody vouched for it with an initial access token: only then may it have `codex.api`
 * @throws {OAuthError} invalid_redirect_uri; invalid_client_metadata
 */
export function parseClientMetadata(body: unknown, { isTrusted }: { isTrusted: boolean }): RequestedClient {
  const metadata = parsed(body);
  const tokenEndpointAuthMethod = metadata.token_endpoint_auth_method ?? DEFAULT_AUTH_METHOD;
  const grantTypes = parseGrantTypes(metadata);
  const clientName = metadata.client_name ?? '';
  if (
    OUR_NAMES.has(
      clientName
        .normalize('NFKC')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}]/gu, ''),
    )
  ) {
    throw invalid('client_name: is the name of a part of this server');
  }
  return {
    clientName,
    tokenEndpointAuthMethod,
    keys: parseKeys(metadata, tokenEndpointAuthMethod),
    signingAlg: metadata.token_endpoint_auth_signing_alg,
    redirectUris: parseRedirectUris(metadata, grantTypes),
    grantTypes,
    scope: parseScope(metadata.scope, isTrusted),
    metadata: descriptionOf(metadata),
  };
}

function parsed(body: unknown): ClientMetadataInput {
  const outcome = clientMetadataSchema.safeParse(body);
  if (outcome.success) return outcome.data;
  const [issue] = outcome.error.issues;
  const [member, ...rest] = issue?.path.map(String) ?? [];
  const description = `${[member ?? 'the client metadata', ...rest].join('.')}: ${issue?.message ?? 'is malformed'}`;
  const code = member === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata';
  throw new OAuthError(code, description.slice(0, 300));
}

function parseGrantTypes({ grant_types, response_types }: ClientMetadataInput): readonly string[] {
  const grantTypes = [...new Set(grant_types ?? DEFAULT_GRANTS)];
  const unsupported = grantTypes.some((grantType) => !REGISTRABLE_GRANTS.includes(grantType));
  if (unsupported) throw invalid(`grant_types: may be ${REGISTRABLE_GRANTS.join(', ')}`);
  if (!grantTypes.some((grantType) => grantType !== 'refresh_token')) {
    throw invalid('grant_types: refresh_token needs a grant that issues one');
  }
  // RFC 7591 §2.1: response type and grant type go together.
  const usesCodes = grantTypes.includes('authorization_code');
  const responseTypes = response_types ?? (usesCodes ? ['code'] : []);
  if (responseTypes.some((type) => type !== 'code')) throw invalid('response_types: may be code');
  if (responseTypes.length > 0 !== usesCodes) {
    throw invalid('response_types: code goes with the grant type authorization_code');
  }
  return grantTypes;
}

function parseRedirectUris(metadata: ClientMetadataInput, grantTypes: readonly string[]): readonly string[] {
  const redirectUris = [...new Set(metadata.redirect_uris ?? [])];
  if (redirectUris.length === 0 && grantTypes.includes('authorization_code')) {
    throw new OAuthError('invalid_redirect_uri', 'redirect_uris: is required');
  }
  for (const [index, uri] of redirectUris.entries()) {
    const problem = redirectUriProblem(uri, metadata.application_type);
    if (problem) throw new OAuthError('invalid_redirect_uri', `redirect_uris.${index}: ${problem}`);
  }
  return redirectUris;
}

function parseKeys({ jwks, jwks_uri, ...metadata }: ClientMetadataInput, method: ClientAuthMethod) {
  // A server that fetches what strangers name can be sent anywhere, so keys come with the registration.
  if (jwks_uri !== undefined) throw invalid('jwks_uri: is not supported, send the keys themselves as jwks');
  if (method !== 'private_key_jwt') {
    if (metadata.token_endpoint_auth_signing_alg === undefined) return undefined;
    throw invalid('token_endpoint_auth_signing_alg: goes with private_key_jwt');
  }
  if (!jwks) throw invalid('jwks: is required for private_key_jwt');
  const keys = jwks.keys.map(toPublicKey);
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) {
    throw invalid('jwks: each of several keys needs a kid of its own');
  }
  return keys;
}

/** The key and nothing else: members that are not understood are not kept. */
function toPublicKey(jwk: Jwk, index: number): Jwk {
  try {
    const { kid, alg, key } = parseClientKey(jwk);
    return { ...key.export({ format: 'jwk' }), use: 'sig', ...(kid && { kid }), ...(alg && { alg }) };
  } catch (error) {
    if (error instanceof TypeError) throw invalid(`jwks.keys.${index}: ${error.message}`);
    throw error;
  }
}

function parseScope(text: string | undefined, isTrusted: boolean): string {
  const permitted = Object.keys(SCOPES).filter((scope) => isTrusted || scope !== API_SCOPE);
  const scopes = [...new Set((text ?? DEFAULT_SCOPE).split(' '))].filter((scope) => permitted.includes(scope));
  if (scopes.length === 0) throw invalid(`scope: may be of ${permitted.join(' ')}`);
  return scopes.join(' ');
}

/** What is only kept and told. */
function descriptionOf(metadata: ClientMetadataInput): Readonly<Record<string, unknown>> {
  const { application_type, client_uri, logo_uri, policy_uri, tos_uri, contacts, software_id, software_version } =
    metadata;
  return { application_type, client_uri, logo_uri, policy_uri, tos_uri, contacts, software_id, software_version };
}

export function hasSecret(method: ClientAuthMethod): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post';
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_client_metadata', description);
}
