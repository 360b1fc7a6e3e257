import type { Queryable } from '@codex-gateways/database';

/** A live token, for whoever may ask about it. */
export interface LiveToken {
  readonly userId: string;
  readonly email: string;
  readonly clientId: string;
  readonly scope: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

interface LiveTokenRow {
  user_id: string;
  email: string;
  client_id: string;
  scope: string;
  issued_at: Date;
  expires_at: Date;
}

export async function findLiveAccessToken(
  db: Queryable,
  { jtiDigest, now }: { jtiDigest: Buffer; now: Date },
): Promise<LiveToken | undefined> {
  const found = await db.query<LiveTokenRow>({
    name: 'introspect-access-token',
    text: `select g.user_id, h.email, g.client_id, t.scope, t.issued_at, t.expires_at
             from codex_auth.codex_access_tokens t
             join codex_auth.oauth_grants g on g.id = t.grant_id
             join codex_auth.account_holders h on h.user_id = g.user_id
            where t.jti_digest = $1
              and t.expires_at > $2
              and t.revoked_at is null
              and g.revoked_at is null`,
    values: [jtiDigest, now],
  });
  return found.rows[0] && toLiveToken(found.rows[0]);
}

export async function findLiveRefreshToken(
  db: Queryable,
  { tokenDigest, now }: { tokenDigest: Buffer; now: Date },
): Promise<LiveToken | undefined> {
  const found = await db.query<LiveTokenRow>({
    name: 'introspect-refresh-token',
    text: `select g.user_id, h.email, g.client_id, g.scope, t.issued_at, t.expires_at
             from codex_auth.codex_refresh_tokens t
             join codex_auth.oauth_grants g on g.id = t.grant_id
             join codex_auth.account_holders h on h.user_id = g.user_id
            where t.token_digest = $1
              and t.expires_at > $2
              and t.spent_at is null
              and g.expires_at > $2
              and g.revoked_at is null`,
    values: [tokenDigest, now],
  });
  return found.rows[0] && toLiveToken(found.rows[0]);
}

function toLiveToken(row: LiveTokenRow): LiveToken {
  return {
    userId: row.user_id,
    email: row.email,
    clientId: row.client_id,
    scope: row.scope,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
  };
}
