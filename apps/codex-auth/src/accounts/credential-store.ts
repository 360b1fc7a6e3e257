import type { Queryable } from '@codex-gateways/database';

/** What there is to check a password against. */
export interface Credential {
  readonly userId: string;
  readonly passwordHash: string;
  /** True when this attempt, should it be wrong, leaves the account locked. */
  readonly locks: boolean;
  /** True for a generated password, which is good for choosing another and nothing else. */
  readonly isOneTime: boolean;
}

/**
 * Begins an attempt: it counts as failed from here on, so that attempts made at once all count before any password is
 * checked, and the one that reaches the limit locks the account: for a minute, doubling to an hour.
 * @returns undefined for an unknown address, a disabled user, a locked account and a one-time password past its end alike
 */
export async function beginAttempt(
  db: Queryable,
  { email, now, attemptsBeforeLock }: { email: string; now: Date; attemptsBeforeLock: number },
): Promise<Credential | undefined> {
  const begun = await db.query<{ user_id: string; password_hash: string; locks: boolean; is_one_time: boolean }>(
    `update codex_auth.password_credentials c
        set failed_attempts = c.failed_attempts + 1,
            locked_until = case
              when c.failed_attempts + 1 >= $3
              then $2::timestamptz + make_interval(secs => least(60 * 2.0 ^ least(c.failed_attempts + 1 - $3, 10), 3600))
            end
       from codex_auth.users u
      where lower(u.email) = lower($1)
        and u.disabled_at is null
        and c.user_id = u.id
        and (c.locked_until is null or c.locked_until <= $2)
        and (c.one_time_until is null or c.one_time_until > $2)
  returning c.user_id, c.password_hash, c.locked_until is not null as locks, c.one_time_until is not null as is_one_time`,
    [email, now, attemptsBeforeLock],
  );
  const row = begun.rows[0];
  return row && { userId: row.user_id, passwordHash: row.password_hash, locks: row.locks, isOneTime: row.is_one_time };
}

/** Forgets the failed attempts of a user who proved the password. */
export async function forgetAttempts(db: Queryable, userId: string): Promise<void> {
  await db.query(
    'update codex_auth.password_credentials set failed_attempts = 0, locked_until = null where user_id = $1',
    [userId],
  );
}

/**
 * Replaces a password by one that the user chose; earlier failures are forgotten.
 * @returns false when the password is no longer the one that was proved
 */
export async function replacePassword(
  db: Queryable,
  change: { userId: string; provenHash: string; passwordHash: string; now: Date },
): Promise<boolean> {
  const replaced = await db.query(
    `update codex_auth.password_credentials
        set password_hash = $3, changed_at = $4, one_time_until = null, failed_attempts = 0, locked_until = null
      where user_id = $1
        and password_hash = $2`,
    [change.userId, change.provenHash, change.passwordHash, change.now],
  );
  return replaced.rowCount === 1;
}

/** Gives a user a generated password in place of the one there was, if any. */
export async function setOneTimePassword(
  db: Queryable,
  change: { userId: string; passwordHash: string; oneTimeUntil: Date; now: Date },
): Promise<void> {
  await db.query(
    `insert into codex_auth.password_credentials (user_id, password_hash, changed_at, one_time_until)
     values ($1, $2, $3, $4)
         on conflict (user_id) do update
        set password_hash = excluded.password_hash, changed_at = excluded.changed_at,
            one_time_until = excluded.one_time_until, failed_attempts = 0, locked_until = null`,
    [change.userId, change.passwordHash, change.now, change.oneTimeUntil],
  );
}
