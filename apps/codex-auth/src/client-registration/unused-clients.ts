import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { CleanupTask } from '../cleanup/cleanup.ts';
import { deleteUnusedClients, markUsedRegistrations } from './client-registration-store.ts';
import { deleteOldInitialAccessTokens } from './initial-access-token-store.ts';

/** What of registrations to clean up: clients that nobody ever let in, so that registering en masse fills nothing for good. */
export function registrationCleanupTasks({
  db,
  clock,
  unusedLifetimeSeconds,
}: {
  db: Queryable;
  clock: Clock;
  unusedLifetimeSeconds: number;
}): readonly CleanupTask[] {
  const unusedSince = () => new Date(clock.now().getTime() - unusedLifetimeSeconds * 1000);
  return [
    {
      name: 'unused clients',
      async deleteBatch(limit) {
        await markUsedRegistrations(db, clock.now());
        return deleteUnusedClients(db, { registeredBy: unusedSince(), limit });
      },
    },
    {
      name: 'initial access tokens',
      deleteBatch: (limit) => deleteOldInitialAccessTokens(db, { expiredBy: clock.now(), limit }),
    },
  ];
}
