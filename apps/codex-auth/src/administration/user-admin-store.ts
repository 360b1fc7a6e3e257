import type { Queryable } from '@codex-gateways/database';

/** A user as administrators see it. */
export interface AdministeredUser {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  readonly role: 'admin' | 'member';
  readonly createdAt: Date;
  readonly disabledAt: Date | undefined;
  /** When a session of the user was last seen; to within a minute. */
  readonly lastSeenAt: Date | undefined;
  /** Whether the user has yet to replace a generated password. */
  readonly mustChangePassword: boolean;
}

interface UserRow {
  id: string;
  email: string;
  display_name: string;
  role: 'admin' | 'member';
  created_at: Date;
  disabled_at: Date | null;
  last_seen_at: Date | null;
  must_change_password: boolean;
}

const SELECT_USERS = `
  select u.id, u.email, u.display_name, u.role, u.created_at, u.disabled_at,
         (select max(s.last_seen_at) from codex_auth.sessions s where s.user_id = u.id) as last_seen_at,
         coalesce(c.one_time_until is not null, false) as must_change_password
    from codex_auth.users u
    left join codex_auth.password_credentials c on c.user_id = u.id`;

/** In the order of their addresses. @param afterUserId - those behind this one */
export async function listUsers(
  db: Queryable,
  { afterUserId, limit }: { afterUserId: string | undefined; limit: number },
): Promise<AdministeredUser[]> {
  const { rows } = await db.query<UserRow>(
    `${SELECT_USERS}
      where $1::text is null
         or lower(u.email) > (select lower(email) from codex_auth.users where id = $1)
      order by lower(u.email)
      limit $2`,
    [afterUserId ?? null, limit],
  );
  return rows.map(toUser);
}

export async function findAdministeredUser(db: Queryable, userId: string): Promise<AdministeredUser | undefined> {
  const { rows } = await db.query<UserRow>(`${SELECT_USERS} where u.id = $1`, [userId]);
  return rows[0] && toUser(rows[0]);
}

/**
 * The administrators who are not disabled, locked until the end of the transaction: changes of who is one happen one after
 * the other. Always in the same order, so that two transactions do not wait for each other.
 */
export async function lockAdministrators(tx: Queryable): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `select id
       from codex_auth.users
      where role = 'admin'
        and disabled_at is null
      order by id
        for no key update`,
  );
  return rows.map(({ id }) => id);
}

/** @returns false when it was the user's role already */
export async function updateRole(
  tx: Queryable,
  { userId, role }: { userId: string; role: 'admin' | 'member' },
): Promise<boolean> {
  const updated = await tx.query('update codex_auth.users set role = $2 where id = $1 and role <> $2', [userId, role]);
  return updated.rowCount === 1;
}

/** From here on no credential of the user is valid. @returns false when the user was disabled already */
export async function disableUser(tx: Queryable, { userId, now }: { userId: string; now: Date }): Promise<boolean> {
  const disabled = await tx.query(
    'update codex_auth.users set disabled_at = $2 where id = $1 and disabled_at is null',
    [userId, now],
  );
  return disabled.rowCount === 1;
}

/** @returns false when the user was not disabled */
export async function enableUser(tx: Queryable, userId: string): Promise<boolean> {
  const enabled = await tx.query(
    'update codex_auth.users set disabled_at = null where id = $1 and disabled_at is not null',
    [userId],
  );
  return enabled.rowCount === 1;
}

function toUser(row: UserRow): AdministeredUser {
  return {
    id: row.id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    createdAt: row.created_at,
    disabledAt: row.disabled_at ?? undefined,
    lastSeenAt: row.last_seen_at ?? undefined,
    mustChangePassword: row.must_change_password,
  };
}
