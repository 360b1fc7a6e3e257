import type { Queryable } from '@codex-gateways/database';

/** Owners with executors connected to a replica, in order of their ids, after one of them; without it from the first on. */
export async function listConnectedOwners(
  db: Queryable,
  { replicaId, after, limit }: { replicaId: string; after: string | undefined; limit: number },
): Promise<string[]> {
  const found = await db.query<{ owner_user_id: string }>(
    `select distinct e.owner_user_id
       from codex_exec.executor_connections c
       join codex_exec.executors e on e.exe_id = c.exe_id
      where c.replica_id = $1
        and e.owner_user_id > $2
      order by e.owner_user_id
      limit $3`,
    [replicaId, after ?? '', limit],
  );
  return found.rows.map((row) => row.owner_user_id);
}
