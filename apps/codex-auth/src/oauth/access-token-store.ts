import type { Queryable } from '@codex-gateways/database';
import type { AccessTokenHolder } from './access-tokens.ts';

interface HolderRow {
  user_id: string;
  email: string;
  display_name: string;
  role: 'admin' | 'member';
  client_id: string;
  scope: string;
  grant_id: string;
}

/** Finds who holds a live access token: not expired, neither it nor its grant revoked, the user not disabled. */
export async function findAccessToken(
  db: Queryable,
  { jtiDigest, now }: { jtiDigest: Buffer; now: Date },
): Promise<AccessTokenHolder | undefined> {
  const found = await db.query<HolderRow>({
    name: 'find-access-token',
    text: `select g.user_id, h.email, h.display_name, h.role, g.client_id, t.scope, t.grant_id
             from codex_auth.codex_access_tokens t
             join codex_auth.oauth_grants g on g.id = t.grant_id
             join codex_auth.account_holders h on h.user_id = g.user_id
            where t.jti_digest = $1
              and t.expires_at > $2
              and t.revoked_at is null
              and g.revoked_at is null`,
    values: [jtiDigest, now],
  });
  const row = found.rows[0];
  return (
    row && {
      userId: row.user_id,
      email: row.email,
      displayName: row.display_name,
      role: row.role,
      clientId: row.client_id,
      scope: row.scope,
      grantId: row.grant_id,
    }
  );
}
