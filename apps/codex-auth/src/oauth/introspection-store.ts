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
    text: `select user_id, email, client_id, scope, issued_at, expires_at
             from codex_auth.live_access_tokens
            where jti_digest = $1
              and expires_at > $2`,
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
    text: `select user_id, email, client_id, scope, issued_at, expires_at
             from codex_auth.live_refresh_tokens
            where token_digest = $1
              and expires_at > $2`,
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
