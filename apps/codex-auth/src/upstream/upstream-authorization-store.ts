import type { Queryable } from '@codex-gateways/database';

/** Somebody on the way to a provider, as the browser set out. */
export interface StoredAuthorization {
  readonly provider: string;
  readonly returnTo: string | undefined;
  readonly isFresh: boolean;
  readonly createdAt: Date;
}

export async function insertAuthorization(
  db: Queryable,
  pending: StoredAuthorization & { stateDigest: Buffer; browserDigest: Buffer; expiresAt: Date },
): Promise<void> {
  await db.query(
    `insert into codex_auth.upstream_authorizations
       (state_digest, browser_digest, provider, return_to, is_fresh, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      pending.stateDigest,
      pending.browserDigest,
      pending.provider,
      pending.returnTo ?? null,
      pending.isFresh,
      pending.createdAt,
      pending.expiresAt,
    ],
  );
}

/** Ends what a browser set out on; of any number of calls, one gets it. Another browser ends nothing. */
export async function takeAuthorization(
  db: Queryable,
  { stateDigest, browserDigest, now }: { stateDigest: Buffer; browserDigest: Buffer; now: Date },
): Promise<StoredAuthorization | undefined> {
  const taken = await db.query<{ provider: string; return_to: string | null; is_fresh: boolean; created_at: Date }>(
    `delete from codex_auth.upstream_authorizations
      where state_digest = $1
        and browser_digest = $2
        and expires_at > $3
  returning provider, return_to, is_fresh, created_at`,
    [stateDigest, browserDigest, now],
  );
  const row = taken.rows[0];
  return (
    row && {
      provider: row.provider,
      returnTo: row.return_to ?? undefined,
      isFresh: row.is_fresh,
      createdAt: row.created_at,
    }
  );
}

/** @returns how many, at most `limit` */
export async function deleteExpiredAuthorizations(
  db: Queryable,
  { now, limit }: { now: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.upstream_authorizations
      where state_digest in (
              select state_digest
                from codex_auth.upstream_authorizations
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [now, limit],
  );
  return gone.rowCount ?? 0;
}
