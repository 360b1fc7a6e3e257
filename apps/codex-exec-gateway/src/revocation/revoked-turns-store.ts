import type { Queryable } from '@codex-gateways/database';

export interface RevokedTurn {
  readonly turnId: string;
  readonly expiresAt: Date;
}

/**
 * Revokes a turn and tells every replica, in one statement. Again is the same as once; the later expiry counts.
 * Returns the expiry that now holds.
 */
export async function insertRevokedTurn(
  db: Queryable,
  { turnId, expiresAt, requestId }: { turnId: string; expiresAt: Date; requestId: string },
): Promise<Date> {
  const revoked = await db.query<{ expires_at: Date }>({
    name: 'insert_revoked_turn',
    text: `with revoked as (
             insert into codex_exec.revoked_turns as t (turn_id, expires_at)
             values ($1, $2)
             on conflict on constraint revoked_turns_pkey do update
                set expires_at = greatest(t.expires_at, excluded.expires_at),
                    revoked_at = now()
             returning turn_id, expires_at
           ), audited as (
             insert into codex_exec.audit_events (action, turn_id, request_id, details)
             select 'turn.revoked', turn_id, $3, jsonb_build_object('expires_at', expires_at)
               from revoked
           )
           select expires_at,
                  pg_notify('codex_exec_events',
                    json_build_object('kind', 'turn_revoked', 'turn_id', turn_id,
                                      'expires_at', extract(epoch from expires_at))::text)
             from revoked`,
    values: [turnId, expiresAt, requestId],
  });
  return revoked.rows[0]?.expires_at ?? expiresAt;
}

/**
 * Revocations that have not expired.
 * @param revokedAfterMs - only those that many milliseconds back by the database's clock; all without it
 */
export async function listRevokedTurns(
  db: Queryable,
  { now, revokedWithinMs }: { now: Date; revokedWithinMs?: number | undefined },
): Promise<RevokedTurn[]> {
  const revoked = await db.query<{ turn_id: string; expires_at: Date }>({
    name: 'list_revoked_turns',
    text: `select turn_id, expires_at
             from codex_exec.revoked_turns
            where expires_at > $1
              and ($2::double precision is null or revoked_at > now() - make_interval(secs => $2 / 1000))`,
    values: [now, revokedWithinMs ?? null],
  });
  return revoked.rows.map((row) => ({ turnId: row.turn_id, expiresAt: row.expires_at }));
}

/** Removes revocations whose tokens are dead by themselves. Returns how many. */
export async function deleteExpiredRevocations(
  db: Queryable,
  { now, limit }: { now: Date; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_exec.revoked_turns
      where turn_id in (
              select turn_id
                from codex_exec.revoked_turns
               where expires_at <= $1
               order by expires_at
               limit $2)`,
    [now, limit],
  );
  return deleted.rowCount ?? 0;
}
