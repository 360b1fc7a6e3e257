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

export async function revokeAccessToken(
  db: Queryable,
  { jtiDigest, now }: { jtiDigest: Buffer; now: Date },
): Promise<void> {
  await db.query(
    'update codex_auth.codex_access_tokens set revoked_at = $2 where jti_digest = $1 and revoked_at is null',
    [jtiDigest, now],
  );
}

function toTokenGrant(row: TokenGrantRow): TokenGrant {
  return { grantId: row.grant_id, clientId: row.client_id, clientIsPublic: row.client_is_public };
}
