import type { Queryable } from '@codex-gateways/database';
import { findActiveUsers } from './active-user-store.ts';

/** Says which users may still act: those who exist and are not disabled. */
export class ActiveUsers {
  readonly #db: Queryable;

  constructor({ db }: { db: Queryable }) {
    this.#db = db;
  }

  /** Those of the given ids that are active, each once, in no particular order. */
  among(userIds: readonly string[]): Promise<string[]> {
    return userIds.length === 0 ? Promise.resolve([]) : findActiveUsers(this.#db, userIds);
  }
}
