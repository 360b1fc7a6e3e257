import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type SigningKey, signRs256 } from './jws.ts';

/** Claims of an access token (RFC 9068 §2.2). Times are epoch seconds. */
export const accessTokenClaimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
  client_id: z.string(),
  scope: z.string(),
});
export type AccessTokenClaims = z.infer<typeof accessTokenClaimsSchema>;

/**
 * Builds an access token, an RS256 JWT with header type `at+jwt` (RFC 9068 §2.1), so that an ID token is never taken
 * for one. `aud` is the issuer, the default resource of RFC 9068 §3: what takes these tokens takes them in its name. The
 * Codex CLI reads nothing of it but `exp`, by which it refreshes in time.
 * @param lifetimeSeconds - from `nowSeconds` to `exp`
 */
export async function buildAccessToken(
  key: SigningKey,
  {
    nowSeconds,
    lifetimeSeconds,
    ...claims
  }: {
    iss: string;
    sub: string;
    client_id: string;
    scope: string;
    nowSeconds: number;
    lifetimeSeconds: number;
    jti?: string;
  },
): Promise<{ token: string; claims: AccessTokenClaims }> {
  const payload = { jti: randomUUID(), ...claims, aud: claims.iss, iat: nowSeconds, exp: nowSeconds + lifetimeSeconds };
  return { token: await signRs256(key, payload, { typ: 'at+jwt' }), claims: payload };
}
