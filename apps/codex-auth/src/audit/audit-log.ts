import type { Queryable } from '@codex-gateways/database';

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
