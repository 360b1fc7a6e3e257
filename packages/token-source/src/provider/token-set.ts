/** An access token and what came with it. */
export interface TokenSet {
  readonly accessToken: string;
  readonly expiresAt: Date;
  /** Absent when the provider keeps the one that was used, or gives none. */
  readonly refreshToken: string | undefined;
}

/** Where a provider does not say how long a token lives (RFC 6749 §5.1 only recommends it), and the token does not either. */
const UNKNOWN_LIFETIME_MS = 300_000;

/** When a token ends: what the provider said, or the `exp` of a JWT, or a short while from now. */
export function expiryOf(
  accessToken: string,
  { expiresInSeconds, now }: { expiresInSeconds?: number | undefined; now: Date },
): Date {
  if (expiresInSeconds !== undefined) return new Date(now.getTime() + expiresInSeconds * 1000);
  return expiryInJwt(accessToken) ?? new Date(now.getTime() + UNKNOWN_LIFETIME_MS);
}

/** Unverified: it only decides when to ask for another one. */
function expiryInJwt(token: string): Date | undefined {
  const [, payload = ''] = token.split('.');
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof exp === 'number' && Number.isFinite(exp) ? new Date(exp * 1000) : undefined;
  } catch {
    return undefined;
  }
}

/** As a secrets provider keeps it: `<token>|<expiry, RFC 3339>`. */
export function formatCachedToken({ accessToken, expiresAt }: Pick<TokenSet, 'accessToken' | 'expiresAt'>): string {
  return `${accessToken}|${expiresAt.toISOString()}`;
}

/** @returns undefined for a text that is no token; a token without an expiry, as people inject it, is judged by itself */
export function parseCachedToken(text: string, now: Date): Pick<TokenSet, 'accessToken' | 'expiresAt'> | undefined {
  const border = text.lastIndexOf('|');
  const accessToken = (border === -1 ? text : text.slice(0, border)).trim();
  if (!/^[\x21-\x7e]+$/.test(accessToken)) return undefined;
  if (border === -1) return { accessToken, expiresAt: expiryOf(accessToken, { now }) };
  const expiresAt = new Date(text.slice(border + 1));
  return Number.isNaN(expiresAt.getTime()) ? undefined : { accessToken, expiresAt };
}
