import type { Queryable } from '@codex-gateways/database';
import { listConnectionHistory, type PastConnection } from './connection-history-store.ts';

export type { PastConnection } from './connection-history-store.ts';

/** When and from where executors were connected, and why that ended; bounded for each. */
export class ConnectionHistory {
  readonly #db: Queryable;
  readonly #limit: number;

  constructor({ db, limit }: { db: Queryable; limit: number }) {
    this.#db = db;
    this.#limit = limit;
  }

  /** The newest first; undefined when there is no such executor. */
  of(exeId: string): Promise<PastConnection[] | undefined> {
    return listConnectionHistory(this.#db, { exeId, limit: this.#limit });
  }
}
