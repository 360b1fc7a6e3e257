import type { Queryable } from '@codex-gateways/database';

/** Those of the users that exist and are not disabled. */
export async function findActiveUsers(db: Queryable, userIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>({
    name: 'find-active-users',
    text: 'select id from codex_auth.users where id = any($1::text[]) and disabled_at is null',
    values: [userIds],
  });
  return rows.map(({ id }) => id);
}
