import { randomUUID } from 'node:crypto';
import { sha256 } from '@codex-gateways/crypto';
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

/** When tokens are issued, and when they end. */
export interface TokenTimes {
  readonly issuedAt: Date;
  /** Epoch seconds. */
  readonly issuedAtSeconds: number;
  readonly accessExpiresAt: Date;
  readonly refreshExpiresAt: Date;
  readonly familyExpiresAt: Date;
}

/** How the database knows tokens about to be issued. */
export interface TokenDigests {
  readonly jtiDigest: Buffer;
  readonly refreshDigest: Buffer;
}

/** What the database keeps of tokens about to be issued. */
export type TokenRows = TokenTimes & TokenDigests;

/**
 * Tokens before they are issued. Whom they are for is known only once the statement that stores them has answered, so the
 * access token is known to the database by its `jti`, chosen here, and signed afterwards.
 */
export interface NewTokens {
  readonly jti: string;
  readonly refreshToken: string;
  readonly digests: TokenDigests;
}

/** @param refreshToken - a fresh one when absent */
export function newTokens(refreshToken = mintRefreshToken()): NewTokens {
  const jti = randomUUID();
  return { jti, refreshToken, digests: { jtiDigest: sha256(jti), refreshDigest: sha256(refreshToken) } };
}

/** The times of what is issued now. */
export function tokenTimes(clock: Clock, lifetimes: TokenLifetimes): TokenTimes {
  const issuedAt = clock.now();
  const issuedAtSeconds = Math.floor(issuedAt.getTime() / 1000);
  return {
    issuedAt,
    issuedAtSeconds,
    // The same second as the token's own `exp`, so that the two never disagree.
    accessExpiresAt: new Date((issuedAtSeconds + lifetimes.accessTokenLifetimeSeconds) * 1000),
    refreshExpiresAt: new Date(issuedAt.getTime() + lifetimes.refreshTokenLifetimeSeconds * 1000),
    familyExpiresAt: new Date(issuedAt.getTime() + lifetimes.refreshFamilyLifetimeSeconds * 1000),
  };
}
