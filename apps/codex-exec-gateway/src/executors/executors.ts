import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { mintExecutorId } from './executor-id.ts';
import {
  type Actor,
  deleteExecutor,
  disconnectExecutors,
  type ExecutorSelection,
  insertExecutor,
} from './executors-store.ts';

export type { Actor, ExecutorSelection } from './executors-store.ts';

export interface ExecutorsDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  /** The longest that a ticket lives. */
  readonly ticketLifetimeSeconds: number;
  /** Closes what this replica holds; the others are told by the database. */
  readonly close: (exeId: string, why: 'deleted' | 'disconnected') => void;
}

/** The machines that may register here, each owned by one user. */
export class Executors {
  readonly #deps: ExecutorsDeps;

  constructor(deps: ExecutorsDeps) {
    this.#deps = deps;
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
    return (await insertExecutor(this.#deps.db, { exeId, ...executor })) ? exeId : undefined;
  }

  /** Deletes an executor and everything about it; every replica closes its connection. Again is the same as once. */
  async delete(exeId: string, actor: Actor): Promise<void> {
    await deleteExecutor(this.#deps.db, exeId, actor);
    this.#deps.close(exeId, 'deleted');
  }

  /** Ends connections and tickets, so that only who registers anew, with credentials that hold, gets in. Again is the same as once. */
  async disconnect(selection: ExecutorSelection, actor: Actor): Promise<void> {
    const { db, clock, ticketLifetimeSeconds, close } = this.#deps;
    const ticketsVoidThrough = clock.nowSeconds() + ticketLifetimeSeconds;
    const exeIds = await disconnectExecutors(db, selection, { ticketsVoidThrough, actor });
    for (const exeId of exeIds) close(exeId, 'disconnected');
  }
}
