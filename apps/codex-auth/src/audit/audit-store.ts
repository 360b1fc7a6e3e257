import type { Queryable } from '@codex-gateways/database';
import type { AuditEvent } from './audit-log.ts';

/** An entry as it stands in the trail. */
export interface RecordedAuditEvent extends AuditEvent {
  /** Rises with every entry; a 64-bit number as text. */
  readonly id: string;
  readonly occurredAt: Date;
}

/** Which entries to read; absent members do not narrow. */
export interface AuditFilter {
  /** Entries older than the one of this id. */
  readonly beforeId?: string | undefined;
  readonly action?: string | undefined;
  readonly actorUserId?: string | undefined;
  readonly subjectType?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly limit: number;
}

interface AuditRow {
  id: string;
  occurred_at: Date;
  action: string;
  actor_user_id: string | null;
  subject_type: string;
  subject_id: string;
  ip: string | null;
  request_id: string | null;
  details: Record<string, string | number | boolean | null>;
}

/** Appends one entry; its time is the database's. */
export async function insertAuditEvent(db: Queryable, event: AuditEvent): Promise<void> {
  await db.query({
    name: 'insert_audit_event',
    text: `insert into codex_auth.audit_events (action, actor_user_id, subject_type, subject_id, ip, request_id, details)
           values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      event.action,
      event.actorUserId ?? null,
      event.subjectType,
      event.subjectId,
      event.ip ?? null,
      event.requestId ?? null,
      JSON.stringify(event.details ?? {}),
    ],
  });
}

/** The newest entries first; reads along the primary key. */
export async function listAuditEvents(db: Queryable, filter: AuditFilter): Promise<RecordedAuditEvent[]> {
  const { rows } = await db.query<AuditRow>(
    `select id, occurred_at, action, actor_user_id, subject_type, subject_id, host(ip) as ip, request_id, details
       from codex_auth.audit_events
      where ($1::bigint is null or id < $1)
        and ($2::text is null or action = $2)
        and ($3::text is null or actor_user_id = $3)
        and ($4::text is null or subject_type = $4)
        and ($5::text is null or subject_id = $5)
      order by id desc
      limit $6`,
    [
      filter.beforeId ?? null,
      filter.action ?? null,
      filter.actorUserId ?? null,
      filter.subjectType ?? null,
      filter.subjectId ?? null,
      filter.limit,
    ],
  );
  return rows.map(toEvent);
}

/** Deletes the oldest entries. @returns how many */
export async function deleteOldAuditEvents(
  db: Queryable,
  { olderThanSeconds, limit }: { olderThanSeconds: number; limit: number },
): Promise<number> {
  const deleted = await db.query(
    `delete from codex_auth.audit_events
      where id in (
              select id
                from codex_auth.audit_events
               where occurred_at < now() - make_interval(secs => $1)
               limit $2)`,
    [olderThanSeconds, limit],
  );
  return deleted.rowCount ?? 0;
}

function toEvent(row: AuditRow): RecordedAuditEvent {
  return {
    id: row.id,
    occurredAt: row.occurred_at,
    action: row.action,
    actorUserId: row.actor_user_id ?? undefined,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    ip: row.ip ?? undefined,
    requestId: row.request_id ?? undefined,
    details: row.details,
  };
}
