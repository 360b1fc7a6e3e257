import type { Queryable } from '@codex-gateways/database';

/**
 * Revokes the tokens of a user, in one workspace or in all of them.
 * @returns their ids
 */
export async function revokeRemoteTokensOf(
  db: Queryable,
  { userId, workspaceId, now }: { userId: string; workspaceId: string | undefined; now: Date },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `update codex_auth.codex_remote_tokens
        set revoked_at = $3
      where user_id = $1
        and ($2::text is null or workspace_id = $2)
        and revoked_at is null
        and expires_at > $3
  returning id`,
    [userId, workspaceId ?? null, now],
  );
  return rows.map(({ id }) => id);
}
