import type { Queryable } from '@codex-gateways/database';

/** The tokens of one sign-in, sealed. */
export interface SealedTokens {
  readonly id: string;
  readonly userId: string;
  readonly provider: string;
  readonly sealed: Buffer;
  /** Of the access token. */
  readonly expiresAt: Date | undefined;
}

interface TokensRow {
  id: string;
  user_id: string;
  provider: string;
  tokens_sealed: Buffer;
  expires_at: Date | null;
}

export async function insertTokens(
  db: Queryable,
  tokens: SealedTokens & { sessionDigest: Buffer; createdAt: Date },
): Promise<void> {
  await db.query(
    `insert into codex_auth.upstream_tokens (id, user_id, session_digest, provider, tokens_sealed, expires_at, created_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      tokens.id,
      tokens.userId,
      tokens.sessionDigest,
      tokens.provider,
      tokens.sealed,
      tokens.expiresAt ?? null,
      tokens.createdAt,
    ],
  );
}

const LIVE = `
  select t.id, t.user_id, t.provider, t.tokens_sealed, t.expires_at
    from codex_auth.upstream_tokens t
    join codex_auth.sessions s on s.id_digest = t.session_digest
    join codex_auth.account_holders h on h.user_id = t.user_id`;

/**
 * Those of live sessions of a user who is not disabled, the newest first.
 * @param idleSince - a session last seen at or before this moment has ended
 */
export async function listLiveTokens(
  db: Queryable,
  {
    userId,
    provider,
    now,
    idleSince,
    limit,
  }: { userId: string; provider: string; now: Date; idleSince: Date; limit: number },
): Promise<SealedTokens[]> {
  const { rows } = await db.query<TokensRow>({
    name: 'list-live-upstream-tokens',
    text: `${LIVE}
            where t.user_id = $1
              and t.provider = $2
              and s.expires_at > $3
              and s.last_seen_at > $4
            order by t.created_at desc, t.id
            limit $5`,
    values: [userId, provider, now, idleSince, limit],
  });
  return rows.map(toTokens);
}

/** Holds them until the end of the transaction; undefined when the session has ended meanwhile. */
export async function lockTokens(tx: Queryable, id: string): Promise<SealedTokens | undefined> {
  const { rows } = await tx.query<TokensRow>(
    `select id, user_id, provider, tokens_sealed, expires_at
       from codex_auth.upstream_tokens
      where id = $1
        for no key update`,
    [id],
  );
  return rows[0] && toTokens(rows[0]);
}

export async function replaceTokens(
  tx: Queryable,
  { id, sealed, expiresAt, now }: { id: string; sealed: Buffer; expiresAt: Date | undefined; now: Date },
): Promise<void> {
  await tx.query(
    'update codex_auth.upstream_tokens set tokens_sealed = $2, expires_at = $3, refreshed_at = $4 where id = $1',
    [id, sealed, expiresAt ?? null, now],
  );
}

export async function deleteTokens(db: Queryable, id: string): Promise<void> {
  await db.query('delete from codex_auth.upstream_tokens where id = $1', [id]);
}

function toTokens(row: TokensRow): SealedTokens {
  return {
    id: row.id,
    userId: row.user_id,
    provider: row.provider,
    sealed: row.tokens_sealed,
    expiresAt: row.expires_at ?? undefined,
  };
}
