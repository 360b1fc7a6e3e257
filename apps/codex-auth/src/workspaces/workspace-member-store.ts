import type { Queryable } from '@codex-gateways/database';
import type { Workspace, WorkspaceRole } from './memberships.ts';

export async function findRole(
  db: Queryable,
  { userId, workspaceId }: { userId: string; workspaceId: string },
): Promise<WorkspaceRole | undefined> {
  const found = await db.query<{ role: WorkspaceRole }>({
    name: 'find-workspace-role',
    text: 'select role from codex_auth.workspace_members where workspace_id = $1 and user_id = $2',
    values: [workspaceId, userId],
  });
  return found.rows[0]?.role;
}

/** In the order in which the user joined them. */
export async function listWorkspacesOf(db: Queryable, userId: string): Promise<Workspace[]> {
  const found = await db.query<Workspace>(
    `select w.id, w.name, m.role
       from codex_auth.workspace_members m
       join codex_auth.workspaces w on w.id = m.workspace_id
      where m.user_id = $1
      order by m.created_at, m.workspace_id`,
    [userId],
  );
  return found.rows.map(({ id, name, role }) => ({ id, name, role }));
}

/** The workspace that the CLI calls the account of this user: the view has the rule. */
export async function findAccountWorkspace(db: Queryable, userId: string): Promise<string | undefined> {
  const found = await db.query<{ workspace_id: string | null }>(
    'select workspace_id from codex_auth.account_holders where user_id = $1',
    [userId],
  );
  return found.rows[0]?.workspace_id ?? undefined;
}
