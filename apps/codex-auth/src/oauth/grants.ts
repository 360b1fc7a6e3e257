import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import { revokeGrant, revokeGrantsOfClient } from './grant-store.ts';

/** Why a grant ended before its time. */
export type RevocationReason =
  | 'code_replayed'
  | 'refresh_token_reused'
  | 'revoked_by_client'
  | 'revoked_by_user'
  | 'revoked_by_admin';

/** What people approved. */
export class Grants {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #audit: AuditLog;

  constructor({ pool, clock, audit }: { pool: Pool; clock: Clock; audit: AuditLog }) {
    this.#pool = pool;
    this.#clock = clock;
    this.#audit = audit;
  }

  /** Revokes a grant with every token under it, and writes that down, both or neither. Again: nothing happens. */
  async revoke({
    grantId,
    reason,
    origin,
  }: {
    grantId: string;
    reason: RevocationReason;
    origin: RequestOrigin;
  }): Promise<void> {
    await transaction(this.#pool, async (tx) => {
      const revoked = await revokeGrant(tx, { grantId, reason, now: this.#clock.now() });
      if (!revoked) return;
      const details = { reason, client_id: revoked.clientId, user_id: revoked.userId };
      await this.#audit.record(
        { action: 'grant.revoked', subjectType: 'grant', subjectId: grantId, details, ...origin },
        tx,
      );
    });
  }

  /** Revokes everything that a client holds. @param tx - the transaction in which the client goes, and is written down */
  async revokeAllOfClient(clientId: string, tx: Queryable): Promise<number> {
    return revokeGrantsOfClient(tx, { clientId, reason: 'revoked_by_client', now: this.#clock.now() });
  }
}
