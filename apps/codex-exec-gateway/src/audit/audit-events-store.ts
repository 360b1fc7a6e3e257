import type { Queryable } from '@codex-gateways/database';

/** Removes the oldest entries of the audit trail beyond its retention. Entries are written by the statements they tell of. */
export async function deleteOldAuditEvents(
  db: Queryable,
  { retentionSeconds, limit }: { retentionSeconds: number; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_exec.audit_events
      where id in (
              select id
                from codex_exec.audit_events
               where occurred_at < now() - make_interval(secs => $1)
               order by occurred_at
               limit $2)`,
    [retentionSeconds, limit],
  );
  return deleted.rowCount ?? 0;
}
