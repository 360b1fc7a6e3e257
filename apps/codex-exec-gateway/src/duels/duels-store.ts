import type { Queryable } from '@codex-gateways/database';

/**
 * Notes that a connection was replaced although its process was there. From `takeovers` of these within the window on, two processes
 * are taking the executor's place from each other, and for `holdSeconds` a living connection keeps it.
 * @returns whether that is so, and whether it is news
 */
export async function insertEviction(
  db: Queryable,
  eviction: { connectionId: string; windowSeconds: number; takeovers: number; holdSeconds: number },
): Promise<'none' | 'begun' | 'goes_on'> {
  const { connectionId, windowSeconds, takeovers, holdSeconds } = eviction;
  const evicted = await db.query<{ exe_id: string }>({
    name: 'insert_eviction',
    text: 'update codex_exec.connection_history set evicted_alive = true where connection_id = $1 returning exe_id',
    values: [connectionId],
  });
  const exeId = evicted.rows[0]?.exe_id;
  if (exeId === undefined) return 'none';
  // A statement of its own, once the eviction is committed: of evictions that two replicas note at the same time, the later count sees all.
  const found = await db.query<{ has_begun: boolean }>({
    name: 'begin_duel',
    text: `with recent as (
             select count(*) as takeovers
               from codex_exec.connection_history
              where exe_id = $1
                and evicted_alive
                and coalesce(ended_at, now()) > now() - make_interval(secs => $2)
           )
           update codex_exec.executors e
              set duel_since = case when e.duel_until > now() then e.duel_since else now() end,
                  duel_until = now() + make_interval(secs => $4)
             from recent
            where e.exe_id = $1
              and recent.takeovers >= $3
           returning e.duel_since = now() as has_begun`,
    values: [exeId, windowSeconds, takeovers, holdSeconds],
  });
  const row = found.rows[0];
  if (!row) return 'none';
  return row.has_begun ? 'begun' : 'goes_on';
}

/** The connection that has an executor's place. */
export interface PlaceHolder {
  readonly connectionId: string;
  readonly registrationId: string | undefined;
  readonly clientIp: string | undefined;
  readonly connectedAt: Date;
  /** Whether it has answered since the moment that was asked about. */
  readonly isProved: boolean;
}

interface PlaceHolderRow {
  connection_id: string;
  executor_registration_id: string | null;
  client_ip: string | null;
  connected_at: Date;
  is_proved: boolean;
}

/** @param sinceMs - how far back an answer counts as given now, by the database's clock */
export async function findPlaceHolder(
  db: Queryable,
  { exeId, sinceMs }: { exeId: string; sinceMs: number },
): Promise<PlaceHolder | undefined> {
  const found = await db.query<PlaceHolderRow>({
    name: 'find_place_holder',
    text: `select c.connection_id, c.executor_registration_id, host(c.client_ip) as client_ip, c.connected_at,
                  coalesce(c.proved_alive_at > now() - make_interval(secs => $2::double precision / 1000), false) as is_proved
             from codex_exec.executor_connections c
             join codex_exec.live_connections l on l.connection_id = c.connection_id
            where c.exe_id = $1`,
    values: [exeId, sinceMs],
  });
  const row = found.rows[0];
  return (
    row && {
      connectionId: row.connection_id,
      registrationId: row.executor_registration_id ?? undefined,
      clientIp: row.client_ip ?? undefined,
      connectedAt: row.connected_at,
      isProved: row.is_proved,
    }
  );
}

/** Asks the replica that has a connection whether its executor answers. */
export async function contestPlace(db: Queryable, contest: { exeId: string; connectionId: string }): Promise<void> {
  await db.query({
    name: 'contest_place',
    text: `select pg_notify('codex_exec_events',
             json_build_object('kind', 'executor_contested', 'exe_id', $1::text, 'connection_id', $2::text)::text)`,
    values: [contest.exeId, contest.connectionId],
  });
}

/** The executor of this connection has answered. */
export async function updateProvedAlive(db: Queryable, connectionId: string): Promise<void> {
  await db.query({
    name: 'update_proved_alive',
    text: 'update codex_exec.executor_connections set proved_alive_at = now() where connection_id = $1',
    values: [connectionId],
  });
}

/** Somebody was refused, so the duel is not over. */
export async function prolongDuel(
  db: Queryable,
  { exeId, holdSeconds }: { exeId: string; holdSeconds: number },
): Promise<void> {
  await db.query({
    name: 'prolong_duel',
    text: `update codex_exec.executors
              set duel_until = now() + make_interval(secs => $2)
            where exe_id = $1
              and duel_until > now()`,
    values: [exeId, holdSeconds],
  });
}
