import { sha256 } from '@codex-gateways/crypto';

const KEY_HEX_DIGITS = 8;
const ENVIRONMENT_PREFIX = 'CODEX_GATEWAYS_SECRET_';
const GATEWAY_KEY_PREFIX = 'GATEWAY_OAUTH_';

/**
 * The name under which a refresh token is kept: one for each pair of resource and issuer, so that two gateways, or two
 * identity providers of one gateway, never share a token.
 * @returns `prefix` and the first 8 hex digits of SHA-256(resource, NUL, issuer)
 */
export function deriveSecretKey(prefix: string, resourceUrl: string, issuer: string): string {
  return prefix + sha256(`${resourceUrl}\0${issuer}`).toString('hex').slice(0, KEY_HEX_DIGITS);
}

/** The scopes with `offline_access` added when it is absent: without it a provider gives no refresh token (OIDC Core §11). */
export function ensureOfflineAccess(scopes: readonly string[]): string[] {
  return scopes.includes('offline_access') ? [...scopes] : [...scopes, 'offline_access'];
}

/** The secrets key of a gateway's refresh token, as {@link accessTokenEnvVar} and the `codex-gateways` program expect it. */
export function gatewaySecretKey(gatewayUrl: string, issuer: string): string {
  return deriveSecretKey(GATEWAY_KEY_PREFIX, gatewayUrl, issuer);
}

/** The secrets key of the access token that is cached beside the refresh token of `refreshTokenKey`. */
export function accessTokenKey(refreshTokenKey: string): string {
  return `${refreshTokenKey}_AT`;
}

/** The environment variable in which the environment secrets provider looks for a secret. */
export function secretEnvVar(key: string): string {
  return ENVIRONMENT_PREFIX + key;
}

/**
 * The environment variable that hands an access token for a gateway to a process, in place of a login. Its value is the bare
 * token, or what the token source caches: `<token>|<expiry, RFC 3339>`.
 */
export function accessTokenEnvVar(gatewayUrl: string, issuer: string): string {
  return secretEnvVar(accessTokenKey(gatewaySecretKey(gatewayUrl, issuer)));
}
