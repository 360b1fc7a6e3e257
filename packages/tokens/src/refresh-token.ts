import { createHmac, randomBytes } from 'node:crypto';
import { type RandomSource, randomToken } from '@codex-gateways/crypto';

/** 256 random bits in base64url: 43 characters without meaning. */
export function mintRefreshToken(random: RandomSource = randomBytes): string {
  return randomToken(32, random);
}

/**
 * The one successor of a refresh token. Derived, so that a client which lost the answer to its refresh gets the same
 * token when it asks again, though no token is stored in clear; keyed, so that whoever reads the database or sees an
 * old token cannot derive the next.
 * @param derivationKey - 32 bytes, known to the issuer alone
 */
export function successorOfRefreshToken(refreshToken: string, derivationKey: Uint8Array): string {
  return createHmac('sha256', derivationKey).update(`refresh token successor\0${refreshToken}`).digest('base64url');
}

/** Whether a text has the form of a refresh token; others are refused without asking the database. */
export function isRefreshToken(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
