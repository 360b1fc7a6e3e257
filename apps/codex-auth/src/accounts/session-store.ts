import type { Queryable } from '@codex-gateways/database';
import type { SignedInUser } from './session-resolver.ts';

interface SessionRow {
  user_id: string;
  email: string;
  role: 'admin' | 'member';
  created_at: Date;
  must_change_password: boolean;
}

/** Who is behind a session, and whether a generated password opened it, which then lets the user choose another and no more. */
export interface FoundSession {
  readonly user: SignedInUser;
  readonly mustChangePassword: boolean;
}

export interface NewSession {
  readonly idDigest: Buffer;
  readonly userId: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Waits for whoever is disabling the user just now: no session is left behind that would come to life later.
 * @returns false when the user is disabled
 */
export async function insertSession(db: Queryable, session: NewSession): Promise<boolean> {
  const made = await db.query(
    `insert into codex_auth.sessions (id_digest, user_id, created_at, last_seen_at, expires_at, ip, user_agent)
     select $1, u.id, $3, $3, $4, $5, $6
       from codex_auth.users u
      where u.id = $2
        and u.disabled_at is null
        for share`,
    [session.idDigest, session.userId, session.createdAt, session.expiresAt, session.ip, session.userAgent],
  );
  return made.rowCount === 1;
}

/**
 * Finds a live session of a user who is not disabled, and notes at most once a minute that it was seen.
 * @param idleSince - a session last seen at or before this moment has ended
 */
export async function findSession(
  db: Queryable,
  { idDigest, now, idleSince }: { idDigest: Buffer; now: Date; idleSince: Date },
): Promise<FoundSession | undefined> {
  const found = await db.query<SessionRow>({
    name: 'find-session',
    text: `with seen as (
             update codex_auth.sessions
                set last_seen_at = $2
              where id_digest = $1
                and expires_at > $2
                and last_seen_at > $3
                and last_seen_at < $2::timestamptz - interval '1 minute'
           )
           select s.user_id, h.email, h.role, s.created_at, c.one_time_until is not null as must_change_password
             from codex_auth.sessions s
             join codex_auth.account_holders h on h.user_id = s.user_id
             left join codex_auth.password_credentials c on c.user_id = s.user_id
            where s.id_digest = $1
              and s.expires_at > $2
              and s.last_seen_at > $3`,
    values: [idDigest, now, idleSince],
  });
  const row = found.rows[0];
  return (
    row && {
      user: { userId: row.user_id, email: row.email, role: row.role, authenticatedAt: row.created_at },
      mustChangePassword: row.must_change_password,
    }
  );
}

/** @returns the user whose session it was, or undefined when there was none */
export async function deleteSession(db: Queryable, idDigest: Buffer): Promise<string | undefined> {
  const gone = await db.query<{ user_id: string }>(
    'delete from codex_auth.sessions where id_digest = $1 returning user_id',
    [idDigest],
  );
  return gone.rows[0]?.user_id;
}

/** Deletes up to `limit` sessions that have ended. */
export async function deleteEndedSessions(
  db: Queryable,
  { now, idleSince, limit }: { now: Date; idleSince: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.sessions
      where id_digest in (
              select id_digest
                from codex_auth.sessions
               where expires_at <= $1
                  or last_seen_at <= $2
               limit $3
                 for update skip locked
            )`,
    [now, idleSince, limit],
  );
  return gone.rowCount ?? 0;
}
