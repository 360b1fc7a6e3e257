import type { Queryable } from '@codex-gateways/database';
import type { Generation } from '../registration/generation.ts';
import type { EndReason } from './executor-connections-store.ts';

/** One of an executor's connections, live or past. */
export interface PastConnection {
  readonly connectionId: string;
  readonly registrationId: string | undefined;
  readonly generation: Generation;
  readonly clientIp: string | undefined;
  readonly replicaId: string;
  readonly connectedAt: Date;
  /** Undefined while it is open. */
  readonly endedAt: Date | undefined;
  readonly endReason: EndReason | undefined;
  /** It was replaced although its process was there. */
  readonly wasEvictedAlive: boolean;
}

interface PastConnectionRow {
  connection_id: string | null;
  executor_registration_id: string | null;
  generation: Generation;
  client_ip: string | null;
  replica_id: string;
  connected_at: Date;
  ended_at: Date | null;
  end_reason: EndReason | null;
  evicted_alive: boolean;
}

/** The latest connections of an executor, the newest first; undefined when there is no such executor. */
export async function listConnectionHistory(
  db: Queryable,
  { exeId, limit }: { exeId: string; limit: number },
): Promise<PastConnection[] | undefined> {
  const found = await db.query<PastConnectionRow>(
    `select h.connection_id, h.executor_registration_id, h.generation, host(h.client_ip) as client_ip, h.replica_id,
            h.connected_at, h.ended_at, h.end_reason, h.evicted_alive
       from codex_exec.executors e
       left join codex_exec.connection_history h on h.exe_id = e.exe_id
      where e.exe_id = $1
      order by h.connection_number desc
      limit $2`,
    [exeId, limit],
  );
  if (found.rows.length === 0) return undefined;
  return found.rows.flatMap((row) => (row.connection_id === null ? [] : [toPastConnection(row.connection_id, row)]));
}

function toPastConnection(connectionId: string, row: PastConnectionRow): PastConnection {
  return {
    connectionId,
    registrationId: row.executor_registration_id ?? undefined,
    generation: row.generation,
    clientIp: row.client_ip ?? undefined,
    replicaId: row.replica_id,
    connectedAt: row.connected_at,
    endedAt: row.ended_at ?? undefined,
    endReason: row.end_reason ?? undefined,
    wasEvictedAlive: row.evicted_alive,
  };
}

/** Ends in the history what replicas left that are gone, or have been dead for a while. Returns how many. */
export async function endAbandonedConnections(
  db: Queryable,
  { deadForSeconds, limit }: { deadForSeconds: number; limit: number },
): Promise<number> {
  const ended = await db.query(
    `update codex_exec.connection_history h
        set ended_at = coalesce(abandoned.lease_expires_at, now()), end_reason = 'serverLost'
       from (select h.connection_id, r.lease_expires_at
               from codex_exec.connection_history h
               left join codex_exec.replicas r on r.replica_id = h.replica_id
              where h.ended_at is null
                and (r.replica_id is null or r.lease_expires_at < now() - make_interval(secs => $1))
              limit $2) as abandoned
      where h.connection_id = abandoned.connection_id`,
    [deadForSeconds, limit],
  );
  return ended.rowCount ?? 0;
}
