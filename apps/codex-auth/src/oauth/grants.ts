import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import { revokeGrant, revokeGrantsOfClient } from './grant-store.ts';
import type { TokenObserver } from './token-metrics.ts';

/** Why a grant ended before its time. */
export const REVOCATION_REASONS = [
  'code_replayed',
  'refresh_token_reused',
  'revoked_by_client',
  'revoked_by_user',
  'revoked_by_admin',
] as const;
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

/** What people approved. */
export class Grants {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #audit: AuditLog;
  readonly #observer: Pick<TokenObserver, 'grantsRevoked'>;

  constructor(deps: {
    pool: Pool;
    clock: Clock;
    audit: AuditLog;
    observer: Pick<TokenObserver, 'grantsRevoked'>;
  }) {
    this.#pool = deps.pool;
    this.#clock = deps.clock;
    this.#audit = deps.audit;
    this.#observer = deps.observer;
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
    const isRevoked = await transaction(this.#pool, async (tx) => {
      const revoked = await revokeGrant(tx, { grantId, reason, now: this.#clock.now() });
      if (!revoked) return false;
      const details = { reason, client_id: revoked.clientId, user_id: revoked.userId };
      await this.#audit.record(
        { action: 'grant.revoked', subjectType: 'grant', subjectId: grantId, details, ...origin },
        tx,
      );
      return true;
    });
    if (isRevoked) this.#observer.grantsRevoked(reason, 1);
  }

  /** Revokes everything that a client holds. @param tx - the transaction in which the client goes, and is written down */
  async revokeAllOfClient(clientId: string, tx: Queryable): Promise<number> {
    const reason = 'revoked_by_client';
    const count = await revokeGrantsOfClient(tx, { clientId, reason, now: this.#clock.now() });
    this.#observer.grantsRevoked(reason, count);
    return count;
  }
}
