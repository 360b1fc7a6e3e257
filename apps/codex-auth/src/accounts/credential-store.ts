import type { Queryable } from '@codex-gateways/database';

/** What there is to check a password against. */
export interface Credential {
  readonly userId: string;
  readonly passwordHash: string;
  /** True when this attempt, should it be wrong, leaves the account locked. */
  readonly locks: boolean;
}

/**
 * Begins an attempt: it counts as failed from here on, so that attempts made at once all count before any password is
 * checked, and the one that reaches the limit locks the account: for a minute, doubling to an hour.
 * @returns undefined for an unknown address, a disabled user and a locked account alike
 */
export async function beginAttempt(
  db: Queryable,
  { email, now, attemptsBeforeLock }: { email: string; now: Date; attemptsBeforeLock: number },
): Promise<Credential | undefined> {
  const begun = await db.query<{ user_id: string; password_hash: string; locks: boolean }>(
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
  returning c.user_id, c.password_hash, c.locked_until is not null as locks`,
    [email, now, attemptsBeforeLock],
  );
  const row = begun.rows[0];
  return row && { userId: row.user_id, passwordHash: row.password_hash, locks: row.locks };
}

/** Forgets the failed attempts of a user who proved the password. */
export async function forgetAttempts(db: Queryable, userId: string): Promise<void> {
  await db.query(
    'update codex_auth.password_credentials set failed_attempts = 0, locked_until = null where user_id = $1',
    [userId],
  );
}
