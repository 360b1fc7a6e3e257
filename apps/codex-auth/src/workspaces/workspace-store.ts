import type { Queryable } from '@codex-gateways/database';
import type { WorkspaceRole } from './memberships.ts';

/** Somebody who belongs to a workspace. */
export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
  readonly role: WorkspaceRole;
  readonly joinedAt: Date;
}

/** Taken before counting, so that a limit per user holds under concurrency. @returns false for an unknown user */
export async function lockUser(tx: Queryable, userId: string): Promise<boolean> {
  const found = await tx.query('select 1 from codex_auth.users where id = $1 for no key update', [userId]);
  return found.rows.length === 1;
}

/** Taken before its members change, so that rules about all of them hold under concurrency. @returns false when there is none */
export async function lockWorkspace(tx: Queryable, workspaceId: string): Promise<boolean> {
  const found = await tx.query('select 1 from codex_auth.workspaces where id = $1 for no key update', [workspaceId]);
  return found.rows.length === 1;
}

export async function countOwned(tx: Queryable, userId: string): Promise<number> {
  const { rows } = await tx.query<{ owned: number }>(
    `select count(*)::integer as owned from codex_auth.workspace_members where user_id = $1 and role = 'owner'`,
    [userId],
  );
  return rows[0]?.owned ?? 0;
}

export async function countMembers(tx: Queryable, workspaceId: string): Promise<number> {
  const { rows } = await tx.query<{ members: number }>(
    'select count(*)::integer as members from codex_auth.workspace_members where workspace_id = $1',
    [workspaceId],
  );
  return rows[0]?.members ?? 0;
}

/** Makes a workspace with its first owner, in one statement. */
export async function insertWorkspace(
  tx: Queryable,
  { workspaceId, name, ownerId }: { workspaceId: string; name: string; ownerId: string },
): Promise<void> {
  await tx.query(
    `with made as (
       insert into codex_auth.workspaces (id, name)
       values ($1, $2)
       returning id
     )
     insert into codex_auth.workspace_members (workspace_id, user_id, role)
     select id, $3, 'owner' from made`,
    [workspaceId, name, ownerId],
  );
}

export async function renameWorkspace(tx: Queryable, workspaceId: string, name: string): Promise<void> {
  await tx.query('update codex_auth.workspaces set name = $2 where id = $1', [workspaceId, name]);
}

/** Owners first, then by address. Those who are disabled are left out. */
export async function listMembers(db: Queryable, workspaceId: string): Promise<Member[]> {
  const { rows } = await db.query<{
    user_id: string;
    email: string;
    display_name: string;
    role: WorkspaceRole;
    created_at: Date;
  }>(
    `select m.user_id, u.email, u.display_name, m.role, m.created_at
       from codex_auth.workspace_members m
       join codex_auth.users u on u.id = m.user_id
      where m.workspace_id = $1
        and u.disabled_at is null
      order by (m.role = 'owner') desc, lower(u.email)`,
    [workspaceId],
  );
  return rows.map((row) => ({
    userId: row.user_id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    joinedAt: row.created_at,
  }));
}

/** The owners who are not disabled. */
export async function listOwners(tx: Queryable, workspaceId: string): Promise<string[]> {
  const { rows } = await tx.query<{ user_id: string }>(
    `select m.user_id
       from codex_auth.workspace_members m
       join codex_auth.users u on u.id = m.user_id
      where m.workspace_id = $1
        and m.role = 'owner'
        and u.disabled_at is null`,
    [workspaceId],
  );
  return rows.map((row) => row.user_id);
}

/** @returns the user under this address who is not disabled, whatever its case */
export async function findActiveUserByEmail(db: Queryable, email: string): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    'select id from codex_auth.users where lower(email) = lower($1) and disabled_at is null',
    [email],
  );
  return rows[0]?.id;
}

/** @returns false when the user is a member already */
export async function insertMember(
  tx: Queryable,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: WorkspaceRole },
): Promise<boolean> {
  const added = await tx.query(
    `insert into codex_auth.workspace_members (workspace_id, user_id, role)
     values ($1, $2, $3)
         on conflict on constraint workspace_members_pkey do nothing`,
    [workspaceId, userId, role],
  );
  return added.rowCount === 1;
}

/** @returns false when there is no such member */
export async function updateMemberRole(
  tx: Queryable,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: WorkspaceRole },
): Promise<boolean> {
  const updated = await tx.query(
    'update codex_auth.workspace_members set role = $3 where workspace_id = $1 and user_id = $2',
    [workspaceId, userId, role],
  );
  return updated.rowCount === 1;
}

/** @returns false when there is no such member */
export async function deleteMember(
  tx: Queryable,
  { workspaceId, userId }: { workspaceId: string; userId: string },
): Promise<boolean> {
  const gone = await tx.query('delete from codex_auth.workspace_members where workspace_id = $1 and user_id = $2', [
    workspaceId,
    userId,
  ]);
  return gone.rowCount === 1;
}
