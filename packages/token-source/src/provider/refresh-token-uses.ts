import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { UnreachableError } from './bounded-fetch.ts';
import type { OidcClient } from './oidc-client.ts';
import type { TokenSet } from './token-set.ts';

const LOST_ANSWER_PAUSE_MS = 250;
const TOO_MANY_REQUESTS = 429;

/** What became of a sign-out. */
export interface SignOutOutcome {
  /** Whether there was a refresh token at all. */
  readonly wasSignedIn: boolean;
  /** Whether the provider has revoked it. */
  readonly isRevoked: boolean;
  /** Why it has not. */
  readonly reason?: string;
}

/**
 * Refreshes, and once more when the answer is lost: nobody knows then whether the token was rotated. Asking again at once is
 * what providers with a grace period for such cases are made for; others refuse, and would have refused later too.
 * @throws {TokenSourceError} as {@link OidcClient.refresh}
 */
export async function refreshPersistently(client: OidcClient, refreshToken: string): Promise<TokenSet> {
  try {
    return await client.refresh(refreshToken);
  } catch (error) {
    if (!(error instanceof UnreachableError) || error.status === TOO_MANY_REQUESTS) throw error;
    await delay(LOST_ANSWER_PAUSE_MS);
    return client.refresh(refreshToken);
  }
}

/** Revokes a refresh token; a failure is an outcome, since the person is signed out here all the same. */
export async function revokeIfPossible(client: OidcClient, refreshToken: string | undefined): Promise<SignOutOutcome> {
  if (refreshToken === undefined) return { wasSignedIn: false, isRevoked: false };
  try {
    const isRevoked = await client.revoke(refreshToken);
    const outcome = { wasSignedIn: true, isRevoked };
    return isRevoked ? outcome : { ...outcome, reason: 'the provider offers no revocation' };
  } catch (error) {
    return { wasSignedIn: true, isRevoked: false, reason: messageOf(error) };
  }
}
