import type { Queryable } from '@codex-gateways/database';

export interface NewAccount {
  readonly userId: string;
  readonly email: string;
  readonly displayName: string;
  readonly role: 'admin' | 'member';
  readonly passwordHash: string;
  /** Of a generated password, which has to be changed; undefined for one that was chosen. */
  readonly oneTimeUntil: Date | undefined;
  readonly workspaceId: string;
  readonly workspaceName: string;
}

export async function emailIsTaken(db: Queryable, email: string): Promise<boolean> {
  const found = await db.query('select 1 from codex_auth.users where lower(email) = lower($1)', [email]);
  return found.rows.length > 0;
}

/**
 * Makes a user, the password and a personal workspace in one statement; of callers with the same address one wins.
 * @returns false when the address was taken (`users_email_uq`), and then nothing was written
 */
export async function insertAccount(db: Queryable, account: NewAccount): Promise<boolean> {
  const made = await db.query(
    `with made_user as (
       insert into codex_auth.users (id, email, display_name, role)
       values ($1, $2, $3, $4)
           on conflict (lower(email)) do nothing
       returning id
     ), made_password as (
       insert into codex_auth.password_credentials (user_id, password_hash, one_time_until)
       select id, $5, $8 from made_user
     ), made_workspace as (
       insert into codex_auth.workspaces (id, name)
       select $6, $7 from made_user
       returning id
     ), made_member as (
       insert into codex_auth.workspace_members (workspace_id, user_id, role)
       select w.id, u.id, 'owner' from made_workspace w, made_user u
     )
     select id from made_user`,
    [
      account.userId,
      account.email,
      account.displayName,
      account.role,
      account.passwordHash,
      account.workspaceId,
      account.workspaceName,
      account.oneTimeUntil,
    ],
  );
  return made.rows.length > 0;
}

export interface FoundUser {
  readonly userId: string;
  readonly email: string;
  readonly role: 'admin' | 'member';
  readonly isDisabled: boolean;
}

export async function findUser(db: Queryable, userId: string): Promise<FoundUser | undefined> {
  const found = await db.query<{ email: string; role: 'admin' | 'member'; is_disabled: boolean }>({
    name: 'find-user',
    text: 'select email, role, disabled_at is not null as is_disabled from codex_auth.users where id = $1',
    values: [userId],
  });
  const row = found.rows[0];
  return row && { userId, email: row.email, role: row.role, isDisabled: row.is_disabled };
}

/**
 * Makes a user without a password, and a personal workspace.
 * @returns false when the id or the address is taken, and then nothing was written
 */
export async function insertExternalUser(
  db: Queryable,
  user: { userId: string; email: string; displayName?: string; workspaceId: string; workspaceName: string },
): Promise<boolean> {
  const made = await db.query(
    `with made_user as (
       insert into codex_auth.users (id, email, display_name)
       values ($1, $2, $5)
           on conflict do nothing
       returning id
     ), made_workspace as (
       insert into codex_auth.workspaces (id, name)
       select $3, $4 from made_user
       returning id
     )
     insert into codex_auth.workspace_members (workspace_id, user_id, role)
     select w.id, u.id, 'owner' from made_workspace w, made_user u`,
    [user.userId, user.email, user.workspaceId, user.workspaceName, user.displayName ?? ''],
  );
  return made.rowCount === 1;
}
