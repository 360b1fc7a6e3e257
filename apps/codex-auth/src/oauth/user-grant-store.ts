import type { Queryable } from '@codex-gateways/database';
import type { RevocationReason } from './grants.ts';
import type { UserGrant } from './user-grants.ts';

interface GrantRow {
  id: string;
  client_id: string;
  client_name: string | null;
  scope: string;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
  ip: string | null;
  user_agent: string | null;
}

/** The grants of a user under which a token lives, the one used last first. */
export async function listLiveGrants(
  db: Queryable,
  { userId, now }: { userId: string; now: Date },
): Promise<UserGrant[]> {
  const { rows } = await db.query<GrantRow>(
    `select g.id, g.client_id, c.client_name, g.scope, g.created_at, t.last_used_at, t.expires_at,
            host(g.ip) as ip, g.user_agent
       from codex_auth.oauth_grants g
       join lateral (
              select max(token.issued_at) as last_used_at, max(token.expires_at) as expires_at
                from (select issued_at, expires_at
                        from codex_auth.codex_refresh_tokens
                       where grant_id = g.id and spent_at is null
                       union all
                      select issued_at, expires_at
                        from codex_auth.codex_access_tokens
                       where grant_id = g.id and revoked_at is null) token
            ) t on t.expires_at > $2
       left join codex_auth.oauth_clients c on c.client_id = g.client_id
      where g.user_id = $1
        and g.revoked_at is null
      order by t.last_used_at desc, g.id`,
    [userId, now],
  );
  return rows.map((row) => ({
    id: row.id,
    clientId: row.client_id,
    clientName: row.client_name ?? row.client_id,
    scope: row.scope,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    ip: row.ip ?? undefined,
    userAgent: row.user_agent ?? undefined,
  }));
}

/** @returns the client, or undefined when the user has no such grant that is not revoked */
export async function revokeGrantOf(
  db: Queryable,
  { grantId, userId, reason, now }: { grantId: string; userId: string; reason: RevocationReason; now: Date },
): Promise<string | undefined> {
  const revoked = await db.query<{ client_id: string }>(
    `update codex_auth.oauth_grants
        set revoked_at = $4, revocation_reason = $3
      where id = $1
        and user_id = $2
        and revoked_at is null
  returning client_id`,
    [grantId, userId, reason, now],
  );
  return revoked.rows[0]?.client_id;
}

/**
 * Takes back what a client could still turn into a grant. A redemption that is under way is waited for, so that the grant it
 * makes is there for the statement that revokes grants after this one.
 */
export async function deleteUnspentApprovals(tx: Queryable, userId: string): Promise<void> {
  await tx.query('delete from codex_auth.codex_pkce_requests where user_id = $1 and redeemed_at is null', [userId]);
  await tx.query(
    `update codex_auth.codex_device_codes
        set status = 'denied'
      where user_id = $1
        and status = 'approved'`,
    [userId],
  );
}

/** @returns how many were not revoked before */
export async function revokeGrantsOf(
  tx: Queryable,
  { userId, reason, now }: { userId: string; reason: RevocationReason; now: Date },
): Promise<number> {
  const revoked = await tx.query(
    `update codex_auth.oauth_grants
        set revoked_at = $3, revocation_reason = $2
      where user_id = $1
        and revoked_at is null`,
    [userId, reason, now],
  );
  return revoked.rowCount ?? 0;
}
