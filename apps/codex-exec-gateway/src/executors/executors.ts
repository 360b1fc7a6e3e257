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

  /**
   * Makes an executor; nothing runs under it until its owner registers it.
   * @param executor.exeId - an id that the caller chose, so that it can repeat a call whose answer got lost
   * @returns its id, `exe_<uuid>`; undefined when the chosen id belongs to another user's executor
   */
  async create({
    exeId = mintExecutorId(),
    ...executor
  }: {
    exeId?: string | undefined;
    ownerUserId: string;
    displayName: string;
    requestId: string;
  }): Promise<string | undefined> {
    return (await insertExecutor(this.#db, { exeId, ...executor })) ? exeId : undefined;
  }

  /** Deletes an executor and everything about it; every replica closes its connection. Again is the same as once. */
  async delete(exeId: string, actor: Actor): Promise<void> {
    await deleteExecutor(this.#db, exeId, actor);
    this.#onDeleted(exeId);
  }
}
