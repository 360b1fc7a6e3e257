import type { Queryable } from '@codex-gateways/database';

/** A workspace as administrators see it. Users who are disabled do not count. */
export interface OverseenWorkspace {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly memberCount: number;
  /** Their addresses, in order; none when it has nobody left who could let others in. */
  readonly ownerEmails: readonly string[];
}

/** In the order of their ids. @param afterId - those behind this one */
export async function listAllWorkspaces(
  db: Queryable,
  { withoutOwner, afterId, limit }: { withoutOwner: boolean; afterId: string | undefined; limit: number },
): Promise<OverseenWorkspace[]> {
  const { rows } = await db.query<{
    id: string;
    name: string;
    created_at: Date;
    member_count: number;
    owner_emails: string[];
  }>(
    `select w.id, w.name, w.created_at, people.member_count, people.owner_emails
       from codex_auth.workspaces w
      cross join lateral (
            select count(*)::integer as member_count,
                   coalesce(array_agg(u.email order by lower(u.email)) filter (where m.role = 'owner'), '{}') as owner_emails
              from codex_auth.workspace_members m
              join codex_auth.users u on u.id = m.user_id
             where m.workspace_id = w.id
               and u.disabled_at is null) people
      where ($1::text is null or w.id > $1)
        and (not $2 or cardinality(people.owner_emails) = 0)
      order by w.id
      limit $3`,
    [afterId ?? null, withoutOwner, limit],
  );
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    memberCount: row.member_count,
    ownerEmails: row.owner_emails,
  }));
}

/** Whether this is an administrator, who stays one until the end of the transaction. */
export async function lockAdministrator(tx: Queryable, userId: string): Promise<boolean> {
  const { rows } = await tx.query(
    `select 1
       from codex_auth.users
      where id = $1
        and role = 'admin'
        and disabled_at is null
        for share`,
    [userId],
  );
  return rows.length === 1;
}

/** Whether there is such a user who is not disabled, and is not until the end of the transaction. */
export async function lockActiveUser(tx: Queryable, userId: string): Promise<boolean> {
  const { rows } = await tx.query('select 1 from codex_auth.users where id = $1 and disabled_at is null for share', [
    userId,
  ]);
  return rows.length === 1;
}

/** Makes a member the owner, or lets the user in as one. @returns false when it was so already */
export async function makeOwner(
  tx: Queryable,
  { workspaceId, userId }: { workspaceId: string; userId: string },
): Promise<boolean> {
  const changed = await tx.query(
    `insert into codex_auth.workspace_members as m (workspace_id, user_id, role)
     values ($1, $2, 'owner')
         on conflict on constraint workspace_members_pkey do update
        set role = 'owner'
      where m.role <> 'owner'`,
    [workspaceId, userId],
  );
  return changed.rowCount === 1;
}
