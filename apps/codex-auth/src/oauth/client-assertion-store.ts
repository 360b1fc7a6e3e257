import type { Queryable } from '@codex-gateways/database';

/** Remembers an assertion until it expires. @returns false when it is remembered already: of concurrent calls one is true */
export async function insertUsedAssertion(
  db: Queryable,
  { clientId, jtiDigest, expiresAt }: { clientId: string; jtiDigest: Buffer; expiresAt: Date },
): Promise<boolean> {
  const made = await db.query({
    name: 'insert-used-client-assertion',
    text: `insert into codex_auth.used_client_assertions (client_id, jti_digest, expires_at)
           values ($1, $2, $3)
               on conflict on constraint used_client_assertions_pkey do nothing`,
    values: [clientId, jtiDigest, expiresAt],
  });
  return made.rowCount === 1;
}

/** Deletes up to `limit` assertions that expired at or before a moment. */
export async function deleteExpiredAssertions(
  db: Queryable,
  { expiredBy, limit }: { expiredBy: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.used_client_assertions
      where (client_id, jti_digest) in (
              select client_id, jti_digest
                from codex_auth.used_client_assertions
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [expiredBy, limit],
  );
  return gone.rowCount ?? 0;
}
