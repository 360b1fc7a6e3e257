import type { Queryable } from '@codex-gateways/database';

/** The CLI's own endpoints, or RFC 8628: a code of one is not redeemed at the other. */
export type DeviceFlow = 'codex_cli' | 'rfc8628';
export type DeviceStatus = 'pending' | 'approved' | 'denied' | 'exchanged';

export interface NewDeviceCode {
  readonly deviceCodeDigest: Buffer;
  readonly userCodeDigest: Buffer;
  readonly flow: DeviceFlow;
  readonly clientId: string;
  readonly scope: string;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  readonly intervalSeconds: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** The trace that the login is. */
  readonly traceparent: string | undefined;
}

/** @returns false when the user code is taken (`codex_device_codes_user_code_uq`): make another */
export async function insertDeviceCode(db: Queryable, code: NewDeviceCode): Promise<boolean> {
  const made = await db.query(
    `insert into codex_auth.codex_device_codes
            (device_code_digest, user_code_digest, flow, client_id, scope, status, ip, user_agent, interval_seconds,
             created_at, expires_at, traceparent)
     values ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9, $10, $11)
         on conflict (user_code_digest) do nothing`,
    [
      code.deviceCodeDigest,
      code.userCodeDigest,
      code.flow,
      code.clientId,
      code.scope,
      code.ip,
      code.userAgent,
      code.intervalSeconds,
      code.createdAt,
      code.expiresAt,
      code.traceparent,
    ],
  );
  return made.rowCount === 1;
}

/** A login that waits for a person, as the person is shown it. */
export interface PendingLogin {
  readonly clientId: string;
  readonly scope: string;
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
  readonly createdAt: Date;
  readonly traceparent: string | undefined;
}

interface PendingRow {
  client_id: string;
  scope: string;
  ip: string | null;
  user_agent: string | null;
  created_at: Date;
  traceparent: string | null;
}

export async function findPendingLogin(
  db: Queryable,
  { userCodeDigest, now }: { userCodeDigest: Buffer; now: Date },
): Promise<PendingLogin | undefined> {
  const found = await db.query<PendingRow>(
    `select client_id, scope, host(ip) as ip, user_agent, created_at, traceparent
       from codex_auth.codex_device_codes
      where user_code_digest = $1
        and status = 'pending'
        and expires_at > $2`,
    [userCodeDigest, now],
  );
  const row = found.rows[0];
  return (
    row && {
      clientId: row.client_id,
      scope: row.scope,
      ip: row.ip ?? undefined,
      userAgent: row.user_agent ?? undefined,
      createdAt: row.created_at,
      traceparent: row.traceparent ?? undefined,
    }
  );
}

/** Records a person's decision, once. @returns undefined when the code no longer waits for one */
export async function decideLogin(
  db: Queryable,
  decision: {
    userCodeDigest: Buffer;
    status: 'approved' | 'denied';
    userId: string;
    authenticatedAt: Date | undefined;
    now: Date;
  },
): Promise<{ clientId: string; traceparent: string | undefined } | undefined> {
  const decided = await db.query<{ client_id: string; traceparent: string | null }>(
    `update codex_auth.codex_device_codes
        set status = $2, user_id = $3, authenticated_at = $4, decided_at = $5
      where user_code_digest = $1
        and status = 'pending'
        and expires_at > $5
  returning client_id, traceparent`,
    [decision.userCodeDigest, decision.status, decision.userId, decision.authenticatedAt, decision.now],
  );
  const row = decided.rows[0];
  return row && { clientId: row.client_id, traceparent: row.traceparent ?? undefined };
}

/** What a device finds when it asks. */
export interface PolledLogin {
  readonly status: DeviceStatus;
  readonly expiresAt: Date;
  readonly intervalSeconds: number;
  /** Undefined at the first poll. */
  readonly lastPolledAt: Date | undefined;
}

interface PolledRow {
  status: DeviceStatus;
  expires_at: Date;
  interval_seconds: number;
  last_polled_at: Date | null;
}

/** Notes a poll, and tells what was known before it. */
export async function pollDeviceCode(
  db: Queryable,
  { deviceCodeDigest, clientId, now }: { deviceCodeDigest: Buffer; clientId: string; now: Date },
): Promise<PolledLogin | undefined> {
  const polled = await db.query<PolledRow>({
    name: 'poll-device-code',
    text: `with before as (
             select device_code_digest, status, expires_at, interval_seconds, last_polled_at
               from codex_auth.codex_device_codes
              where device_code_digest = $1
                and client_id = $2
                and flow = 'rfc8628'
                for update
           ), noted as (
             update codex_auth.codex_device_codes d
                set last_polled_at = $3
               from before
              where d.device_code_digest = before.device_code_digest
           )
           select status, expires_at, interval_seconds, last_polled_at from before`,
    values: [deviceCodeDigest, clientId, now],
  });
  return polled.rows[0] && toPolled(polled.rows[0]);
}

/** RFC 8628 §3.5: after `slow_down` the interval is five seconds longer. */
export async function lengthenInterval(db: Queryable, deviceCodeDigest: Buffer): Promise<void> {
  await db.query(
    `update codex_auth.codex_device_codes
        set interval_seconds = least(interval_seconds + 5, 60)
      where device_code_digest = $1`,
    [deviceCodeDigest],
  );
}

/** The state of a login of the CLI's own endpoints. */
export async function findCliLogin(
  db: Queryable,
  { deviceCodeDigest, userCodeDigest }: { deviceCodeDigest: Buffer; userCodeDigest: Buffer },
): Promise<{ status: DeviceStatus; expiresAt: Date } | undefined> {
  const found = await db.query<{ status: DeviceStatus; expires_at: Date }>({
    name: 'find-cli-login',
    text: `select status, expires_at
             from codex_auth.codex_device_codes
            where device_code_digest = $1
              and user_code_digest = $2
              and flow = 'codex_cli'`,
    values: [deviceCodeDigest, userCodeDigest],
  });
  const row = found.rows[0];
  return row && { status: row.status, expiresAt: row.expires_at };
}

/** What an approved login gave. */
export interface ApprovedLogin {
  readonly clientId: string;
  readonly userId: string;
  readonly scope: string;
  readonly authenticatedAt: Date | undefined;
  readonly traceparent: string | undefined;
  /** Where the device asked from. */
  readonly ip: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Takes an approved login, once: of any number of concurrent calls one gets it, since the update takes the row lock and the
 * waiters check `status` again after it has committed.
 */
export async function exchangeDeviceCode(
  db: Queryable,
  { deviceCodeDigest, flow, now }: { deviceCodeDigest: Buffer; flow: DeviceFlow; now: Date },
): Promise<ApprovedLogin | undefined> {
  const exchanged = await db.query<{
    client_id: string;
    user_id: string;
    scope: string;
    authenticated_at: Date | null;
    traceparent: string | null;
    ip: string | null;
    user_agent: string | null;
  }>(
    `update codex_auth.codex_device_codes
        set status = 'exchanged'
      where device_code_digest = $1
        and flow = $2
        and status = 'approved'
        and expires_at > $3
  returning client_id, user_id, scope, authenticated_at, traceparent, host(ip) as ip, user_agent`,
    [deviceCodeDigest, flow, now],
  );
  const row = exchanged.rows[0];
  return (
    row && {
      clientId: row.client_id,
      userId: row.user_id,
      scope: row.scope,
      authenticatedAt: row.authenticated_at ?? undefined,
      traceparent: row.traceparent ?? undefined,
      ip: row.ip ?? undefined,
      userAgent: row.user_agent ?? undefined,
    }
  );
}

function toPolled(row: PolledRow): PolledLogin {
  return {
    status: row.status,
    expiresAt: row.expires_at,
    intervalSeconds: row.interval_seconds,
    lastPolledAt: row.last_polled_at ?? undefined,
  };
}

/** Deletes up to `limit` logins that expired at or before a moment. */
export async function deleteExpiredLogins(
  db: Queryable,
  { expiredBy, limit }: { expiredBy: Date; limit: number },
): Promise<number> {
  const gone = await db.query(
    `delete from codex_auth.codex_device_codes
      where device_code_digest in (
              select device_code_digest
                from codex_auth.codex_device_codes
               where expires_at <= $1
               limit $2
                 for update skip locked
            )`,
    [expiredBy, limit],
  );
  return gone.rowCount ?? 0;
}
