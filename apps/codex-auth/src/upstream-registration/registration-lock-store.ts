import { type Pool, transaction } from '@codex-gateways/database';
import type { QueryConfig } from 'pg';

/** The database ends the wait itself, if it still says anything. */
const SILENCE_MARGIN_MS = 1000;

/**
 * Does something while no other replica does it for the same id. The lock ends with the transaction, and so with the connection
 * of a replica that dies. Holds one connection of the pool meanwhile; `work` may use others.
 * @param waitMs - the longest wait for the lock. @throws the database's `query_canceled` after it
 */
export function withRegistrationLock<T>(
  pool: Pool,
  { id, waitMs }: { id: string; waitMs: number },
  work: () => Promise<T>,
): Promise<T> {
  return transaction(pool, async (tx) => {
    await tx.query(
      `select set_config('statement_timeout', $1, true),
              set_config('idle_in_transaction_session_timeout', $1, true)`,
      [String(waitMs)],
    );
    const lock: QueryConfig & { query_timeout: number } = {
      text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
      values: [`codex_auth.dcr_credentials:${id}`],
      query_timeout: waitMs + SILENCE_MARGIN_MS,
    };
    await tx.query(lock);
    return work();
  });
}
