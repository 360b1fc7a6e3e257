import type { Queryable } from '@codex-gateways/database';

/**
 * Takes the connectors of a user away, in one workspace or in all of them; their removal is due at once.
 * @returns their ids
 */
export async function beginRemovalsOf(
  db: Queryable,
  { userId, workspaceId }: { userId: string; workspaceId: string | undefined },
): Promise<string[]> {
  const { rows } = await db.query<{ exe_id: string }>(
    `update codex_auth.codex_connectors
        set state = 'removing', cleanup_at = now()
      where user_id = $1
        and ($2::text is null or workspace_id = $2)
        and state in ('creating', 'active')
  returning exe_id`,
    [userId, workspaceId ?? null],
  );
  return rows.map((row) => row.exe_id);
}
