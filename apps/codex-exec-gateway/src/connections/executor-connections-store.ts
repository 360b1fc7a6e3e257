import type { Queryable } from '@codex-gateways/database';
import type { CloseCodeName } from '@codex-gateways/service';
import type { Generation } from '../registration/generation.ts';
import type { ReplicaIdentity } from './replicas-store.ts';

/** A connection that a replica wants on record. */
export interface AnnouncedConnection {
  readonly exeId: string;
  readonly connectionId: string;
  /** Given by the database at the first announcement, and kept when the same connection is announced again. */
  readonly connectionNumber: string | undefined;
  readonly registrationId: string | undefined;
  readonly generation: Generation;
  readonly clientIp: string | undefined;
  /** When the ticket that opened it expires, epoch seconds: a ticket may be declared void afterwards. */
  readonly ticketExpiresAtSeconds: number;
}

/** Why a connection ended; shown in the history. */
export type EndReason =
  | CloseCodeName
  | 'closedByExecutor'
  | 'connectionLost'
  | 'handshakeFailed'
  /** Its replica died. */
  | 'serverLost';

const ANNOUNCE = `
  with replica as (
    insert into codex_exec.replicas (replica_id, internal_url, host_name, lease_expires_at)
    values ($1, $2, $12, now() + make_interval(secs => $3))
    on conflict on constraint replicas_pkey do update
       set lease_expires_at = excluded.lease_expires_at
    returning xmax = 0 as is_new
  ), announced as (
    insert into codex_exec.executor_connections as c
           (exe_id, connection_id, connection_number, replica_id, executor_registration_id, generation, client_ip)
    select a.exe_id, a.connection_id, coalesce(a.connection_number, nextval('codex_exec.connection_number')),
           $1, a.registration_id, a.generation, a.client_ip
      from unnest($4::text[], $5::uuid[], $6::bigint[], $7::text[], $8::text[], $9::inet[], $10::bigint[])
             as a (exe_id, connection_id, connection_number, registration_id, generation, client_ip, ticket_expires_at)
      join codex_exec.executors e on e.exe_id = a.exe_id and a.ticket_expires_at > e.tickets_void_through
     order by a.exe_id
    on conflict on constraint executor_connections_pkey do update
       set connection_id = excluded.connection_id,
           connection_number = excluded.connection_number,
           replica_id = excluded.replica_id,
           executor_registration_id = excluded.executor_registration_id,
           generation = excluded.generation,
           client_ip = excluded.client_ip,
           connected_at = case when c.connection_id = excluded.connection_id then c.connected_at else now() end
     where c.connection_number <= excluded.connection_number
    returning exe_id, connection_id, connection_number, executor_registration_id, generation, client_ip
  ), recorded as (
    insert into codex_exec.connection_history
           (connection_id, exe_id, connection_number, executor_registration_id, generation, client_ip, replica_id)
    select connection_id, exe_id, connection_number, executor_registration_id, generation, client_ip, $1
      from announced
    on conflict on constraint connection_history_pkey do update
       set ended_at = null, end_reason = null
  ), trimmed as (
    delete from codex_exec.connection_history h
     using announced a
     where h.exe_id = a.exe_id
       and h.connection_number < (
             select o.connection_number
               from codex_exec.connection_history o
              where o.exe_id = a.exe_id
                and o.connection_number < a.connection_number
              order by o.connection_number desc
             offset $11
              limit 1)
  ), seen as (
    update codex_exec.executors e
       set last_seen_at = now()
      from announced a
     where e.exe_id = a.exe_id
  )
  select r.is_new as is_replica_new, a.connection_id, a.connection_number,
         case when a.exe_id is not null then
           pg_notify('codex_exec_events',
             json_build_object('kind', 'executor_connected', 'exe_id', a.exe_id, 'connection_id', a.connection_id,
                               'connection_number', a.connection_number::text)::text)
         end
    from replica r
    left join announced a on true`;

export interface AnnounceOutcome {
  /**
   * The number of each connection that is now its executor's newest; one that is missing was beaten by a newer connection, its
   * ticket is void by now, or its executor does not exist.
   */
  readonly numbers: ReadonlyMap<string, string>;
  /** The replica's row had to be made: others took it for dead, and what it announced before is not on record any more. */
  readonly isReplicaNew: boolean;
}

/**
 * Puts connections on record, at most one an executor, and tells the other replicas, which close older ones. The replica's lease
 * is renewed with it, so that the row it refers to is there.
 */
export async function announceConnections(
  db: Queryable,
  replica: ReplicaIdentity & { leaseSeconds: number; historyLength: number },
  connections: readonly AnnouncedConnection[],
): Promise<AnnounceOutcome> {
  const announced = await db.query<{
    is_replica_new: boolean;
    connection_id: string | null;
    connection_number: string;
  }>({
    name: 'announce_connections',
    text: ANNOUNCE,
    values: [
      replica.replicaId,
      replica.internalUrl,
      replica.leaseSeconds,
      connections.map(({ exeId }) => exeId),
      connections.map(({ connectionId }) => connectionId),
      connections.map(({ connectionNumber }) => connectionNumber),
      connections.map(({ registrationId }) => registrationId),
      connections.map(({ generation }) => generation),
      connections.map(({ clientIp }) => clientIp),
      connections.map(({ ticketExpiresAtSeconds }) => ticketExpiresAtSeconds),
      Math.max(replica.historyLength - 2, 0), // beside the newest, so many older ones stay, and the one at this offset
      replica.hostName,
    ],
  });
  const numbers = new Map<string, string>();
  for (const row of announced.rows)
    if (row.connection_id !== null) numbers.set(row.connection_id, row.connection_number);
  return { numbers, isReplicaNew: announced.rows[0]?.is_replica_new ?? false };
}

/** Takes connections off the record; one that a newer connection has replaced is not there any more, which is fine. */
export async function withdrawConnections(
  db: Queryable,
  ended: readonly { connectionId: string; reason: EndReason }[],
): Promise<void> {
  await db.query({
    name: 'withdraw_connections',
    text: `with ended as (
             select connection_id, reason
               from unnest($1::uuid[], $2::text[]) as ended (connection_id, reason)
           ), told as (
             update codex_exec.connection_history h
                set ended_at = now(), end_reason = ended.reason
               from ended
              where h.connection_id = ended.connection_id
                and h.ended_at is null
           ), gone as (
             delete from codex_exec.executor_connections c
              using ended
              where c.connection_id = ended.connection_id
             returning c.exe_id
           )
           update codex_exec.executors e
              set last_seen_at = now()
             from gone
            where e.exe_id = gone.exe_id`,
    values: [ended.map(({ connectionId }) => connectionId), ended.map(({ reason }) => reason)],
  });
}
