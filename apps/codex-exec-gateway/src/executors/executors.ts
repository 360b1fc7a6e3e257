import type { Queryable } from '@codex-gateways/database';
import { mintExecutorId } from './executor-id.ts';
import { type Actor, deleteExecutor, insertExecutor } from './executors-store.ts';

export type { Actor } from './executors-store.ts';

/** The machines that may register here, each owned by one user. */
export class Executors {
  readonly #db: Queryable;
  readonly #onDeleted: (exeId: string) => void;

  /** @param onDeleted - closes what this replica holds; the others are told by the database */
  constructor(db: Queryable, onDeleted: (exeId: string) => void) {
    this.#db = db;
    this.#onDeleted = onDeleted;
  }

  /** Makes an executor; nothing runs under it until its owner registers it. Returns its id, `exe_<uuid>`. */
  async create(executor: { ownerUserId: string; displayName: string; requestId: string }): Promise<string> {
    const exeId = mintExecutorId();
    await insertExecutor(this.#db, { exeId, ...executor });
    return exeId;
  }

  /** Deletes an executor and everything about it; every replica closes its connection. Again is the same as once. */
  async delete(exeId: string, actor: Actor): Promise<void> {
    await deleteExecutor(this.#db, exeId, actor);
    this.#onDeleted(exeId);
  }
}
