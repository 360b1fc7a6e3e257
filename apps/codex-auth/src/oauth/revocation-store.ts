import type { Queryable } from '@codex-gateways/database';

/** The grant behind a token, and whose client it is. */
export interface TokenGrant {
  readonly grantId: string;
  readonly clientId: string;
  readonly clientIsPublic: boolean;
}

interface TokenGrantRow {
  grant_id: string;
  client_id: string;
  client_is_public: boolean;
}

export async function findGrantOfRefreshToken(db: Queryable, tokenDigest: Buffer): Promise<TokenGrant | undefined> {
  const found = await db.query<TokenGrantRow>(
    `select g.id as grant_id, g.client_id, g.client_is_public
       from codex_auth.codex_refresh_tokens t
       join codex_auth.oauth_grants g on g.id = t.grant_id
      where t.token_digest = $1`,
    [tokenDigest],
  );
  return found.rows[0] && toTokenGrant(found.rows[0]);
}

export async function findGrantOfAccessToken(db: Queryable, jtiDigest: Buffer): Promise<TokenGrant | undefined> {
  const found = await db.query<TokenGrantRow>(
    `select g.id as grant_id, g.client_id, g.client_is_public
       from codex_auth.codex_access_tokens t
       join codex_auth.oauth_grants g on g.id = t.grant_id
      where t.jti_digest = $1`,
    [jtiDigest],
  );
  return found.rows[0] && toTokenGrant(found.rows[0]);
}

/** @returns whose it was; undefined when it was revoked already */
export async function revokeAccessToken(
  db: Queryable,
  { jtiDigest, now }: { jtiDigest: Buffer; now: Date },
): Promise<{ grantId: string; clientId: string; userId: string } | undefined> {
  const revoked = await db.query<{ grant_id: string; client_id: string; user_id: string }>(
    `update codex_auth.codex_access_tokens t
        set revoked_at = $2
       from codex_auth.oauth_grants g
      where t.jti_digest = $1
        and t.revoked_at is null
        and g.id = t.grant_id
  returning t.grant_id, g.client_id, g.user_id`,
    [jtiDigest, now],
  );
  const row = revoked.rows[0];
  return row && { grantId: row.grant_id, clientId: row.client_id, userId: row.user_id };
}

function toTokenGrant(row: TokenGrantRow): TokenGrant {
  return { grantId: row.grant_id, clientId: row.client_id, clientIsPublic: row.client_is_public };
}
