import type { Queryable } from '@codex-gateways/database';

/** How many executors of a user are connected, at most `upTo`, without the one named. */
export async function countUserConnections(
  db: Queryable,
  { ownerUserId, exceptExeId, upTo }: { ownerUserId: string; exceptExeId: string; upTo: number },
): Promise<number> {
  const counted = await db.query<{ connections: number }>({
    name: 'count_user_connections',
    text: `select count(*)::integer as connections
             from (select 1
                     from codex_exec.executors e
                     join codex_exec.live_connections c on c.exe_id = e.exe_id
                    where e.owner_user_id = $1
                      and e.exe_id <> $2
                    limit $3) as counted`,
    values: [ownerUserId, exceptExeId, upTo],
  });
  return counted.rows[0]?.connections ?? 0;
}
