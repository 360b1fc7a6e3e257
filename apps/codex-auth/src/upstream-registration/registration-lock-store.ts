import { type Pool, transaction } from '@codex-gateways/database';

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
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`codex_auth.dcr_credentials:${id}`]);
    return work();
  });
}
