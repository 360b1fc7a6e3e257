import type { Queryable } from '@codex-gateways/database';

/** One running exec-gateway process. */
export interface ReplicaIdentity {
  readonly replicaId: string;
  /** Where other replicas reach it; undefined when it is not configured. */
  readonly internalUrl: string | undefined;
  /** Of the machine or container that it runs in. */
  readonly hostName: string;
}

/**
 * Prolongs this replica's lease by the database's clock.
 * @returns true when the row had to be made: at start, or because others took this replica for dead; its connections are
 *   then not on record
 */
export async function renewLease(
  db: Queryable,
  { replicaId, internalUrl, hostName, leaseSeconds }: ReplicaIdentity & { leaseSeconds: number },
): Promise<boolean> {
  const renewed = await db.query<{ is_new: boolean }>({
    name: 'renew_lease',
    text: `insert into codex_exec.replicas (replica_id, internal_url, host_name, lease_expires_at)
           values ($1, $2, $3, now() + make_interval(secs => $4))
           on conflict on constraint replicas_pkey do update
              set internal_url = excluded.internal_url,
                  lease_expires_at = excluded.lease_expires_at
           returning xmax = 0 as is_new`,
    values: [replicaId, internalUrl, hostName, leaseSeconds],
  });
  return renewed.rows[0]?.is_new ?? true;
}

/**
 * Takes the first lease, and ends the lease of whoever had this replica's address on this host before: two processes cannot listen
 * there, so the other one was killed, and its executors are not connected any more.
 * @returns the hosts whose replicas are alive and say the same address: a name that several share leads to any of them
 */
export async function takeFirstLease(
  db: Queryable,
  replica: ReplicaIdentity & { leaseSeconds: number },
): Promise<string[]> {
  const found = await db.query<{ host_name: string | null }>(
    `with others as (
       select replica_id, host_name, host_name = $3 as is_here
         from codex_exec.replicas
        where internal_url = $1
          and replica_id <> $2
          and lease_expires_at > now()
     ), ended as (
       update codex_exec.replicas r
          set lease_expires_at = now()
         from others o
        where r.replica_id = o.replica_id
          and o.is_here
     )
     select host_name
       from others
      where is_here is not true`,
    [replica.internalUrl, replica.replicaId, replica.hostName],
  );
  await renewLease(db, replica);
  return found.rows.map((row) => row.host_name ?? 'unknown');
}

/** Takes this replica off the list, and its connections with it. */
export async function deleteReplica(db: Queryable, replicaId: string): Promise<void> {
  await db.query('delete from codex_exec.replicas where replica_id = $1', [replicaId]);
}

/**
 * Removes what dead replicas left: connections, and replicas without any. Their executors were last seen when the lease
 * ended. Returns how many connections and replicas.
 */
export async function deleteDeadReplicas(
  db: Queryable,
  { deadForSeconds, limit }: { deadForSeconds: number; limit: number },
): Promise<number> {
  const connections = await db.query(
    `with doomed as (
       select c.connection_id, r.lease_expires_at
         from codex_exec.executor_connections c
         join codex_exec.replicas r on r.replica_id = c.replica_id
        where r.lease_expires_at < now() - make_interval(secs => $1)
        limit $2
          for update of c skip locked
     ), gone as (
       delete from codex_exec.executor_connections c
        using doomed d
        where c.connection_id = d.connection_id
       returning c.exe_id, d.lease_expires_at
     ), seen as (
       update codex_exec.executors e
          set last_seen_at = greatest(e.last_seen_at, gone.lease_expires_at)
         from gone
        where e.exe_id = gone.exe_id
     )
     select exe_id
       from gone`,
    [deadForSeconds, limit],
  );
  const replicas = await db.query(
    `delete from codex_exec.replicas r
      where r.lease_expires_at < now() - make_interval(secs => $1)
        and not exists (select 1 from codex_exec.executor_connections c where c.replica_id = r.replica_id)`,
    [deadForSeconds],
  );
  return (connections.rowCount ?? 0) + (replicas.rowCount ?? 0);
}
