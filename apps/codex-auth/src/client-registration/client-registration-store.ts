import type { Queryable } from '@codex-gateways/database';

/** How a client came to be registered. */
export interface Registration {
  readonly clientId: string;
  readonly createdAt: Date;
  /** Whether somebody vouched for it with an initial access token. */
  readonly isTrusted: boolean;
}

/**
 * Counts registered clients under a lock that the transaction holds, so that of any number of concurrent registrations none
 * exceeds a limit.
 */
export async function countRegistrationsLocked(tx: Queryable): Promise<number> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('codex_auth.client_registrations'))`);
  const counted = await tx.query<{ count: number }>(
    'select count(*)::int as count from codex_auth.client_registrations',
  );
  return counted.rows[0]?.count ?? 0;
}

export async function insertRegistration(
  tx: Queryable,
  registration: {
    readonly clientId: string;
    readonly accessTokenDigest: Buffer;
    readonly initialAccessTokenId: string | undefined;
    readonly createdAt: Date;
  },
): Promise<void> {
  await tx.query(
    `insert into codex_auth.client_registrations (client_id, access_token_digest, initial_access_token_id, created_at)
     values ($1, $2, $3, $4)`,
    [registration.clientId, registration.accessTokenDigest, registration.initialAccessTokenId, registration.createdAt],
  );
}

/** The registration of this client, if the token is its own. @param lock - keeps others from changing it until the transaction ends */
export async function findRegistration(
  db: Queryable,
  { clientId, accessTokenDigest, lock }: { clientId: string; accessTokenDigest: Buffer; lock: boolean },
): Promise<Registration | undefined> {
  const found = await db.query<{ client_id: string; created_at: Date; is_trusted: boolean }>(
    `select client_id, created_at, initial_access_token_id is not null as is_trusted
       from codex_auth.client_registrations
      where client_id = $1
        and access_token_digest = $2
      ${lock ? 'for update' : ''}`,
    [clientId, accessTokenDigest],
  );
  const row = found.rows[0];
  return row && { clientId: row.client_id, createdAt: row.created_at, isTrusted: row.is_trusted };
}

/** Writes down which clients somebody has let in by now: those have grants. */
export async function markUsedRegistrations(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `update codex_auth.client_registrations r
        set used_at = $1
      where r.used_at is null
        and exists (select 1 from codex_auth.oauth_grants g where g.client_id = r.client_id)`,
    [now],
  );
}

/** Deletes up to `limit` clients that registered at or before a moment and that nobody ever let in. */
export async function deleteUnusedClients(
  db: Queryable,
  { registeredBy, limit }: { registeredBy: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.oauth_clients
      where client_id in (
              select r.client_id
                from codex_auth.client_registrations r
               where r.used_at is null
                 and r.created_at <= $1
                 and not exists (select 1 from codex_auth.oauth_grants g where g.client_id = r.client_id)
               limit $2
                 for update skip locked
            )`,
    [registeredBy, limit],
  );
  return gone.rowCount ?? 0;
}
