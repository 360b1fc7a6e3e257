import type { Queryable } from '@codex-gateways/database';
import type { BrowserSession } from './sessions.ts';

interface SessionRow {
  public_id: string;
  created_at: Date;
  last_seen_at: Date;
  expires_at: Date;
  ip: string | null;
  user_agent: string | null;
  is_current: boolean;
}

/** @param idleSince - a session last seen at or before this moment has ended */
export async function listSessionsOf(
  db: Queryable,
  {
    userId,
    currentDigest,
    now,
    idleSince,
  }: { userId: string; currentDigest: Buffer | undefined; now: Date; idleSince: Date },
): Promise<BrowserSession[]> {
  const { rows } = await db.query<SessionRow>(
    `select public_id, created_at, last_seen_at, expires_at, host(ip) as ip, user_agent,
            coalesce(id_digest = $2, false) as is_current
       from codex_auth.sessions
      where user_id = $1
        and expires_at > $3
        and last_seen_at > $4
      order by last_seen_at desc, public_id`,
    [userId, currentDigest, now, idleSince],
  );
  return rows.map((row) => ({
    id: row.public_id,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    expiresAt: row.expires_at,
    ip: row.ip ?? undefined,
    userAgent: row.user_agent ?? undefined,
    isCurrent: row.is_current,
  }));
}

/** @returns false when this user has no such session */
export async function deleteSessionOf(db: Queryable, { id, userId }: { id: string; userId: string }): Promise<boolean> {
  const gone = await db.query('delete from codex_auth.sessions where public_id = $1 and user_id = $2', [id, userId]);
  return gone.rowCount === 1;
}

/** @returns how many there were */
export async function deleteSessionsOf(db: Queryable, userId: string): Promise<number> {
  const gone = await db.query('delete from codex_auth.sessions where user_id = $1', [userId]);
  return gone.rowCount ?? 0;
}
