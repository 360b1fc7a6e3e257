import type { Pool, Queryable } from '@codex-gateways/database';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';

/** Attempts that one key has in a window of time, counted in the database for all replicas together. */
export interface RateLimit {
  /** Takes one attempt. @returns 0, or the seconds to wait when there is none left */
  take(key: string): Promise<number>;
  /** Gives an attempt back that turned out to be honest. */
  giveBack(key: string): Promise<void>;
}

/** @param name - tells the keys of one limit from another's */
export function createRateLimit(
  pool: Pool,
  { name, attempts, windowSeconds }: { name: string; attempts: number; windowSeconds: number },
): RateLimit {
  const limiter = new RateLimiterPostgres({
    storeClient: pool,
    schemaName: 'codex_auth',
    tableName: 'rate_limits',
    tableCreated: true,
    clearExpiredByTimeout: false,
    keyPrefix: name,
    points: attempts,
    duration: windowSeconds,
  });
  return {
    async take(key) {
      try {
        await limiter.consume(key);
        return 0;
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
        throw refusal;
      }
    },
    async giveBack(key) {
      await limiter.reward(key);
    },
  };
}

/** Deletes up to `limit` counters whose window is over, by the same clock that the limiter goes by. */
export async function deleteElapsedCounters(db: Queryable, limit: number): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.rate_limits
      where key in (
              select key
                from codex_auth.rate_limits
               where expire <= $1
               limit $2
                 for update skip locked
            )`,
    [Date.now(), limit],
  );
  return gone.rowCount ?? 0;
}
