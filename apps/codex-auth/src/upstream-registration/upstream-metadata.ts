import { z } from 'zod';
import { askUpstream, mayBeNamedBy } from './ask-upstream.ts';
import { quoted, UpstreamRegistrationError } from './upstream-registration-error.ts';

/** What an upstream says of itself, in so far as it is used here (RFC 8414 §2, OpenID Connect Discovery §3). */
export interface UpstreamMetadata {
  readonly issuer: string;
  readonly authorizationEndpoint: string | undefined;
  readonly tokenEndpoint: string | undefined;
  readonly registrationEndpoint: string | undefined;
  readonly jwksUri: string | undefined;
  readonly userinfoEndpoint: string | undefined;
  readonly tokenEndpointAuthMethods: readonly string[];
  readonly hasS256: boolean;
  /** Undefined when it does not say. */
  readonly grantTypes: readonly string[] | undefined;
}

const MAX_LIST = 200;
const url = z.string().max(2048).nullish();
const words = z.array(z.string().max(256)).max(MAX_LIST).nullish();
const metadataSchema = z.object({
  issuer: z.string().max(2048),
  authorization_endpoint: url,
  token_endpoint: url,
  registration_endpoint: url,
  jwks_uri: url,
  userinfo_endpoint: url,
  token_endpoint_auth_methods_supported: words,
  code_challenge_methods_supported: words,
  grant_types_supported: words,
});

/**
 * Where the metadata of an issuer is: appended to it (OpenID Connect Discovery §4), and inserted before its path (RFC 8414 §3.1,
 * §5). The issuer's own slash at the end is left out of both.
 */
function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    ...new Set([
      `${origin}${path}/.well-known/openid-configuration`,
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
    ]),
  ];
}

/**
 * Asks an issuer for its metadata.
 * @throws {UpstreamRegistrationError} `unreachable` without an answer, `bad_metadata` when no document is there, it is malformed, names a
 *   URL that may not be asked, or is another issuer's: that one is never used (RFC 8414 §3.3)
 */
export async function discoverUpstream({
  upstream,
  issuer,
  timeoutMs,
}: {
  upstream: string;
  issuer: string;
  timeoutMs: number;
}): Promise<UpstreamMetadata> {
  const reasons: string[] = [];
  for (const address of metadataUrls(issuer)) {
    const { status, json } = await askUpstream({ upstream, url: address, timeoutMs });
    if (status >= 500 || status === 429) {
      throw new UpstreamRegistrationError(upstream, 'unreachable', `${address} answers ${status}`);
    }
    const read = status === 200 ? readMetadata(issuer, json) : `answers ${status}`;
    if (typeof read !== 'string') return read;
    reasons.push(`${address} ${read}`);
  }
  throw new UpstreamRegistrationError(upstream, 'bad_metadata', reasons.join('; '));
}

/** What a metadata document says. @returns what is wrong with it, when it cannot be used */
export function readMetadata(issuer: string, json: unknown): UpstreamMetadata | string {
  const parsed = metadataSchema.safeParse(json);
  if (!parsed.success) {
    return json === undefined ? 'is not JSON' : `has no usable ${String(parsed.error.issues[0]?.path[0] ?? 'form')}`;
  }
  const { data } = parsed;
  if (data.issuer !== issuer) return `is of the issuer ${quoted(data.issuer)}`;
  const urls = {
    authorizationEndpoint: data.authorization_endpoint ?? undefined,
    tokenEndpoint: data.token_endpoint ?? undefined,
    registrationEndpoint: data.registration_endpoint ?? undefined,
    jwksUri: data.jwks_uri ?? undefined,
    userinfoEndpoint: data.userinfo_endpoint ?? undefined,
  };
  const bad = Object.entries(urls).find(([, value]) => value !== undefined && !mayBeNamedBy(issuer, value));
  if (bad) return `names a ${bad[0]} that is not https`;
  return {
    issuer,
    ...urls,
    // The default of RFC 8414 §2.
    tokenEndpointAuthMethods: data.token_endpoint_auth_methods_supported ?? ['client_secret_basic'],
    hasS256: data.code_challenge_methods_supported?.includes('S256') ?? false,
    grantTypes: data.grant_types_supported ?? undefined,
  };
}
