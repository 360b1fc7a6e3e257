import type { Queryable } from '@codex-gateways/database';
import type { RemoteToken } from './remote-tokens.ts';

interface TokenRow {
  id: string;
  workspace_id: string;
  user_id: string;
  name: string;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

/** Taken before counting, so that a limit per workspace holds under concurrency. */
export async function lockWorkspace(tx: Queryable, workspaceId: string): Promise<void> {
  await tx.query('select 1 from codex_auth.workspaces where id = $1 for no key update', [workspaceId]);
}

export async function countLiveRemoteTokens(
  db: Queryable,
  { workspaceId, now }: { workspaceId: string; now: Date },
): Promise<number> {
  const { rows } = await db.query<{ live: number }>(
    `select count(*)::integer as live
       from codex_auth.codex_remote_tokens
      where workspace_id = $1
        and revoked_at is null
        and expires_at > $2`,
    [workspaceId, now],
  );
  return rows[0]?.live ?? 0;
}

export async function insertRemoteToken(
  db: Queryable,
  token: Omit<RemoteToken, 'revokedAt' | 'lastUsedAt'> & { readonly secretHash: string },
): Promise<void> {
  await db.query(
    `insert into codex_auth.codex_remote_tokens (id, workspace_id, user_id, name, secret_hash, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [token.id, token.workspaceId, token.userId, token.name, token.secretHash, token.createdAt, token.expiresAt],
  );
}

/** Which tokens to list. */
export interface RemoteTokenFilter {
  readonly workspaceId: string | undefined;
  /** Only this user's; undefined for everybody's. */
  readonly userId: string | undefined;
  readonly includeRevoked: boolean;
  readonly limit: number;
}

/** The newest first. */
export async function listRemoteTokens(db: Queryable, filter: RemoteTokenFilter): Promise<RemoteToken[]> {
  const { rows } = await db.query<TokenRow>(
    `select id, workspace_id, user_id, name, created_at, expires_at, revoked_at, last_used_at
       from codex_auth.codex_remote_tokens
      where ($1::text is null or workspace_id = $1)
        and ($2::text is null or user_id = $2)
        and ($3 or revoked_at is null)
      order by created_at desc, id
      limit $4`,
    [filter.workspaceId ?? null, filter.userId ?? null, filter.includeRevoked, filter.limit],
  );
  return rows.map((row) => ({
    id: row.id,
    workspaceId: row.workspace_id,
    userId: row.user_id,
    name: row.name,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  }));
}

/**
 * Revokes a token of this user, or of a workspace that this user owns.
 * @returns whether this call revoked it, and its workspace; undefined when there is no such token for this user
 */
export async function revokeRemoteToken(
  db: Queryable,
  { id, userId, now }: { id: string; userId: string; now: Date },
): Promise<{ isNew: boolean; workspaceId: string } | undefined> {
  // The outer select sees the row as it was before the update.
  const { rows } = await db.query<{ workspace_id: string; was_revoked: boolean }>(
    `with mine as (
       select t.id, t.workspace_id, t.revoked_at is not null as was_revoked
         from codex_auth.codex_remote_tokens t
        where t.id = $1
          and (t.user_id = $2
               or exists (select 1
                            from codex_auth.workspace_members m
                           where m.workspace_id = t.workspace_id
                             and m.user_id = $2
                             and m.role = 'owner'))
          for update
     ), revoked as (
       update codex_auth.codex_remote_tokens t
          set revoked_at = $3
         from mine
        where t.id = mine.id
          and not mine.was_revoked
     )
     select workspace_id, was_revoked from mine`,
    [id, userId, now],
  );
  const [row] = rows;
  return row && { isNew: !row.was_revoked, workspaceId: row.workspace_id };
}

/** Why a token that exists may not be used now. */
export type RemoteTokenRefusal = 'revoked' | 'expired' | 'user_disabled' | 'not_a_member';

export interface VerificationSubject {
  readonly secretHash: string;
  readonly userId: string;
  readonly workspaceId: string;
  readonly lastUsedAt: Date | undefined;
  readonly refusal: RemoteTokenRefusal | undefined;
}

interface SubjectRow {
  position: number;
  secret_hash: string;
  user_id: string;
  workspace_id: string;
  last_used_at: Date | null;
  refusal: RemoteTokenRefusal | null;
}

/**
 * What presented tokens are checked against: the tokens, their users and the memberships in one round trip. The limit makes the planner
 * look each id up, where for many it might read the whole table.
 * @returns the subjects, by the positions of their ids
 */
export async function findVerificationSubjects(
  db: Queryable,
  { ids, now }: { ids: readonly string[]; now: Date },
): Promise<ReadonlyMap<number, VerificationSubject>> {
  const { rows } = await db.query<SubjectRow>({
    name: 'find-remote-token-subjects',
    text: `select wanted.position::integer, t.secret_hash, t.user_id, t.workspace_id, t.last_used_at, t.refusal
             from unnest($1::text[]) with ordinality as wanted (id, position)
            cross join lateral (
                    select r.secret_hash, r.user_id, r.workspace_id, r.last_used_at,
                           case when r.revoked_at is not null then 'revoked'
                                when r.expires_at <= $2 then 'expired'
                                when u.disabled_at is not null then 'user_disabled'
                                when m.user_id is null then 'not_a_member'
                           end as refusal
                      from codex_auth.codex_remote_tokens r
                      join codex_auth.users u on u.id = r.user_id
                      left join codex_auth.workspace_members m on m.workspace_id = r.workspace_id and m.user_id = r.user_id
                     where r.id = wanted.id
                     limit 1) t`,
    values: [ids, now],
  });
  return new Map(rows.map((row) => [row.position - 1, toSubject(row)]));
}

function toSubject(row: SubjectRow): VerificationSubject {
  return {
    secretHash: row.secret_hash,
    userId: row.user_id,
    workspaceId: row.workspace_id,
    lastUsedAt: row.last_used_at ?? undefined,
    refusal: row.refusal ?? undefined,
  };
}

/** Notes a use, unless a later one is noted already. */
export async function touchRemoteToken(db: Queryable, { id, now }: { id: string; now: Date }): Promise<void> {
  await db.query({
    name: 'touch-remote-token',
    text: `update codex_auth.codex_remote_tokens
              set last_used_at = $2
            where id = $1
              and (last_used_at is null or last_used_at < $2)`,
    values: [id, now],
  });
}

/** Deletes tokens that nothing has been able to use since `deadSince`. @returns how many */
export async function deleteDeadRemoteTokens(
  db: Queryable,
  { deadSince, limit }: { deadSince: Date; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_auth.codex_remote_tokens
      where id in (
              select id from codex_auth.codex_remote_tokens where least(expires_at, revoked_at) < $1 limit $2)`,
    [deadSince, limit],
  );
  return deleted.rowCount ?? 0;
}
