import type { Queryable } from '@codex-gateways/database';
import type { InitialAccessToken } from './initial-access-tokens.ts';

interface InitialAccessTokenRow {
  id: string;
  name: string;
  created_by: string;
  created_at: Date;
  expires_at: Date;
  max_uses: number;
  uses: number;
  revoked_at: Date | null;
}

export async function insertInitialAccessToken(
  db: Queryable,
  token: InitialAccessToken & { readonly tokenDigest: Buffer },
): Promise<void> {
  await db.query(
    `insert into codex_auth.initial_access_tokens (id, token_digest, name, created_by, created_at, expires_at, max_uses)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [token.id, token.tokenDigest, token.name, token.createdBy, token.createdAt, token.expiresAt, token.maxUses],
  );
}

export async function isLiveInitialAccessToken(
  db: Queryable,
  { tokenDigest, now }: { tokenDigest: Buffer; now: Date },
): Promise<boolean> {
  const found = await db.query(
    `select 1
       from codex_auth.initial_access_tokens
      where token_digest = $1
        and expires_at > $2
        and revoked_at is null
        and uses < max_uses`,
    [tokenDigest, now],
  );
  return found.rowCount === 1;
}

/** Takes one use of a live token: of any number of concurrent calls no more succeed than it has uses. @returns its id */
export async function spendInitialAccessToken(
  tx: Queryable,
  { tokenDigest, now }: { tokenDigest: Buffer; now: Date },
): Promise<string | undefined> {
  const spent = await tx.query<{ id: string }>(
    `update codex_auth.initial_access_tokens
        set uses = uses + 1
      where token_digest = $1
        and expires_at > $2
        and revoked_at is null
        and uses < max_uses
  returning id`,
    [tokenDigest, now],
  );
  return spent.rows[0]?.id;
}

/** The newest first. */
export async function listInitialAccessTokens(db: Queryable, limit: number): Promise<readonly InitialAccessToken[]> {
  const found = await db.query<InitialAccessTokenRow>(
    `select id, name, created_by, created_at, expires_at, max_uses, uses, revoked_at
       from codex_auth.initial_access_tokens
      order by created_at desc, id
      limit $1`,
    [limit],
  );
  return found.rows.map((row) => ({
    id: row.id,
    name: row.name,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    maxUses: row.max_uses,
    uses: row.uses,
    revokedAt: row.revoked_at ?? undefined,
  }));
}

/** @returns false when there is none of this id that is not revoked */
export async function revokeInitialAccessToken(
  db: Queryable,
  { id, now }: { id: string; now: Date },
): Promise<boolean> {
  const revoked = await db.query(
    'update codex_auth.initial_access_tokens set revoked_at = $2 where id = $1 and revoked_at is null',
    [id, now],
  );
  return revoked.rowCount === 1;
}

/** Deletes up to `limit` tokens that expired at or before a moment. */
export async function deleteOldInitialAccessTokens(
  db: Queryable,
  { expiredBy, limit }: { expiredBy: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.initial_access_tokens
      where id in (
              select id
                from codex_auth.initial_access_tokens
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [expiredBy, limit],
  );
  return gone.rowCount ?? 0;
}
