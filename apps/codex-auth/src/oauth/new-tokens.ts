import { randomToken, sha256 } from '@codex-gateways/crypto';
import type { Clock } from '@codex-gateways/service';
import { mintRefreshToken } from '@codex-gateways/tokens';

/** How long what is issued lives. */
export interface TokenLifetimes {
  readonly accessTokenLifetimeSeconds: number;
  /** Of one refresh token that is not used. */
  readonly refreshTokenLifetimeSeconds: number;
  /** Of a whole family. */
  readonly refreshFamilyLifetimeSeconds: number;
}

/** What the database keeps of tokens about to be issued. */
export interface TokenRows {
  readonly issuedAt: Date;
  readonly jtiDigest: Buffer;
  readonly accessExpiresAt: Date;
  readonly refreshDigest: Buffer;
  readonly refreshExpiresAt: Date;
  readonly familyExpiresAt: Date;
}

/**
 * Tokens before they are issued. Whom they are for is known only once the statement that stores them has answered, so the
 * access token is known to the database by its `jti`, chosen here, and signed afterwards.
 */
export interface NewTokens {
  readonly jti: string;
  readonly refreshToken: string;
  /** Epoch seconds. */
  readonly issuedAtSeconds: number;
  readonly rows: TokenRows;
}

/** @param refreshToken - a fresh one when absent */
export function prepareTokens(clock: Clock, lifetimes: TokenLifetimes, refreshToken = mintRefreshToken()): NewTokens {
  const jti = randomToken();
  const issuedAt = clock.now();
  const issuedAtSeconds = Math.floor(issuedAt.getTime() / 1000);
  return {
    jti,
    refreshToken,
    issuedAtSeconds,
    rows: {
      issuedAt,
      jtiDigest: sha256(jti),
      // The same second as the token's own `exp`, so that the two never disagree.
      accessExpiresAt: new Date((issuedAtSeconds + lifetimes.accessTokenLifetimeSeconds) * 1000),
      refreshDigest: sha256(refreshToken),
      refreshExpiresAt: new Date(issuedAt.getTime() + lifetimes.refreshTokenLifetimeSeconds * 1000),
      familyExpiresAt: new Date(issuedAt.getTime() + lifetimes.refreshFamilyLifetimeSeconds * 1000),
    },
  };
}
