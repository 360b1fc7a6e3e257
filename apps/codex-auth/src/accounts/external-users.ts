import { randomUUID } from 'node:crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import type { SignedInUser } from './session-resolver.ts';
import { findUser, insertExternalUser } from './user-store.ts';

/** Users whom another product knows and signs in. */
export class ExternalUsers {
  readonly #db: Queryable;
  readonly #log: Logger;

  constructor({ db, log }: { db: Queryable; log: Logger }) {
    this.#db = db;
    this.#log = log;
  }

  /**
   * The user under the id that the other product gives, made at the first time with a personal workspace.
   * @returns undefined for a user who is disabled here, and for an address that is another user's here
   */
  async ensure({ userId, email }: { userId: string; email: string }): Promise<SignedInUser | undefined> {
    const known = await findUser(this.#db, userId);
    if (known) return known.isDisabled ? undefined : { ...known, authenticatedAt: undefined };
    const workspace = { workspaceId: `ws_${randomUUID()}`, workspaceName: 'Personal' };
    await insertExternalUser(this.#db, { userId, email, ...workspace });
    const made = await findUser(this.#db, userId);
    if (!made) this.#log.warn({ user_id: userId }, 'a user was not made: the address belongs to another one');
    return made && { ...made, authenticatedAt: undefined };
  }
}
