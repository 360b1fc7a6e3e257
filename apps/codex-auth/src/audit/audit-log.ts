import type { Queryable } from '@codex-gateways/database';
import {
  type AuditFilter,
  deleteOldAuditEvents,
  insertAuditEvent,
  listAuditEvents,
  type RecordedAuditEvent,
} from './audit-store.ts';

/** One entry of the audit trail. `details` never holds a token, a secret or a code. */
export interface AuditEvent {
  /** `<subject>.<past participle>`, such as `remote_token.minted`. */
  readonly action: string;
  readonly actorUserId?: string | undefined;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly ip?: string | undefined;
  readonly requestId?: string | undefined;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Appends to the audit trail, in the transaction of what it tells when one is passed. */
export interface AuditLog {
  record(event: AuditEvent, db?: Queryable): Promise<void>;
}

/** Reads the audit trail back. */
export interface AuditTrail {
  /** The newest entries first, and the cursor of the page after this one when there is more. */
  page(filter: AuditFilter): Promise<{ events: readonly RecordedAuditEvent[]; nextBeforeId: string | undefined }>;
  /** Forgets entries older than the retention. @returns how many, at most `maxRows` */
  deleteOld(retentionSeconds: number, maxRows: number): Promise<number>;
}

export function createAuditLog(db: Queryable): AuditLog & AuditTrail {
  return {
    record: (event, tx = db) => insertAuditEvent(tx, event),
    async page(filter) {
      // One more than asked for tells whether there is another page.
      const rows = await listAuditEvents(db, { ...filter, limit: filter.limit + 1 });
      const events = rows.slice(0, filter.limit);
      return { events, nextBeforeId: rows.length > filter.limit ? events.at(-1)?.id : undefined };
    },
    deleteOld: (retentionSeconds, maxRows) =>
      deleteOldAuditEvents(db, { olderThanSeconds: retentionSeconds, limit: maxRows }),
  };
}
