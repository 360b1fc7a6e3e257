import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { RevocationReason } from './grants.ts';
import { isBuiltInClient } from './scopes.ts';
import { deleteUnspentApprovals, listLiveGrants, revokeGrantOf, revokeGrantsOf } from './user-grant-store.ts';

/** What a person let into their account: a login of the CLI on some machine, or another client. */
export interface UserGrant {
  readonly id: string;
  readonly clientId: string;
  readonly clientName: string;
  /** Space-separated (RFC 6749 §3.3). */
  readonly scope: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  /** Where the device was when it signed in, if that is known. */
  readonly ip: string | undefined;
  /** What it said that it is. */
  readonly userAgent: string | undefined;
}

/** The grants of a person, for that person and for administrators. */
export class UserGrants {
  readonly #db: Queryable;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Queryable; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Those under which a token lives, the one used last first. */
  async listOf(userId: string): Promise<UserGrant[]> {
    const grants = await listLiveGrants(this.#db, { userId, now: this.#clock.now() });
    // The built-in client has no row to take a name from.
    return grants.map((grant) => (isBuiltInClient(grant.clientId) ? { ...grant, clientName: 'Codex CLI' } : grant));
  }

  /** Revokes one with every token under it. @returns its client; undefined when the user has no such grant */
  revokeOne(grant: { grantId: string; userId: string }, tx: Queryable): Promise<string | undefined> {
    return revokeGrantOf(tx, { ...grant, reason: 'revoked_by_user', now: this.#clock.now() });
  }

  /** Revokes all of them, and what a client could still turn into one. @returns how many */
  async revokeAllOf(
    { userId, reason }: { userId: string; reason: Extract<RevocationReason, 'revoked_by_user' | 'revoked_by_admin'> },
    tx: Queryable,
  ): Promise<number> {
    await deleteUnspentApprovals(tx, userId);
    return revokeGrantsOf(tx, { userId, reason, now: this.#clock.now() });
  }
}
