import type { Queryable } from '@codex-gateways/database';
import type { AccessTokenHolder } from './access-tokens.ts';

/** A token to look for, and a workspace that whoever presents it claims to work for, if any. */
export interface AccessTokenKey {
  readonly jtiDigest: Buffer;
  readonly accountId: string | undefined;
}

interface HolderRow {
  position: number;
  user_id: string;
  email: string;
  display_name: string;
  role: 'admin' | 'member';
  client_id: string;
  scope: string;
  grant_id: string;
  is_member_of_account: boolean;
}

/**
 * Finds who holds live access tokens: not expired, neither they nor their grants revoked, the users not disabled. The limit makes the
 * planner look each key up, where for many it might read the whole table.
 * @returns the holders, by the positions of their keys
 */
export async function findAccessTokens(
  db: Queryable,
  { keys, now }: { keys: readonly AccessTokenKey[]; now: Date },
): Promise<ReadonlyMap<number, AccessTokenHolder>> {
  const found = await db.query<HolderRow>({
    name: 'find-access-tokens',
    text: `select key.position::integer, t.user_id, t.email, t.display_name, t.role, t.client_id, t.scope, t.grant_id,
                  (key.account_id is null
                   or exists (select 1
                                from codex_auth.workspace_members m
                               where m.workspace_id = key.account_id
                                 and m.user_id = t.user_id)) as is_member_of_account
             from unnest($1::bytea[], $2::text[]) with ordinality as key (jti_digest, account_id, position)
            cross join lateral (
                    select user_id, email, display_name, role, client_id, scope, grant_id
                      from codex_auth.live_access_tokens
                     where jti_digest = key.jti_digest
                       and expires_at > $3
                     limit 1) t`,
    values: [keys.map(({ jtiDigest }) => jtiDigest), keys.map(({ accountId }) => accountId ?? null), now],
  });
  return new Map(found.rows.map((row) => [row.position - 1, toHolder(row)]));
}

function toHolder(row: HolderRow): AccessTokenHolder {
  return {
    userId: row.user_id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    clientId: row.client_id,
    scope: row.scope,
    grantId: row.grant_id,
    isMemberOfAccount: row.is_member_of_account,
  };
}
