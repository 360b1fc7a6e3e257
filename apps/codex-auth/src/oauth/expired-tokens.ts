import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { CleanupTask } from '../cleanup/cleanup.ts';
import { deleteExpiredAssertions } from './client-assertion-store.ts';
import { deleteEmptyGrants, deleteExpiredAccessTokens, deleteExpiredRefreshTokens } from './grant-store.ts';
import { deleteExpiredCodes } from './pkce-request-store.ts';

const HOUR_MS = 3_600_000;
/** So long a client that comes back is told that its refresh token expired, and not that there is none. */
const REFRESH_TOKEN_RETENTION_MS = 7 * 24 * HOUR_MS;

/** What of OAuth to clean up. Codes stay for an hour, so that a late replay is still told from a guess. */
export function expiredTokenTasks({ db, clock }: { db: Queryable; clock: Clock }): readonly CleanupTask[] {
  const ago = (ms: number) => new Date(clock.now().getTime() - ms);
  return [
    { name: 'authorization codes', deleteBatch: (limit) => deleteExpiredCodes(db, { expiredBy: ago(HOUR_MS), limit }) },
    { name: 'access tokens', deleteBatch: (limit) => deleteExpiredAccessTokens(db, { expiredBy: ago(0), limit }) },
    {
      name: 'refresh tokens',
      deleteBatch: (limit) => deleteExpiredRefreshTokens(db, { expiredBy: ago(REFRESH_TOKEN_RETENTION_MS), limit }),
    },
    { name: 'client assertions', deleteBatch: (limit) => deleteExpiredAssertions(db, { expiredBy: ago(0), limit }) },
    { name: 'grants', deleteBatch: (limit) => deleteEmptyGrants(db, { madeBy: ago(HOUR_MS), limit }) },
  ];
}
