import { type Pool, transaction } from '@codex-gateways/database';
import {
  type BindingChange,
  type BindOutcome,
  type BoundExecutor,
  bindExecutor,
  findMissingBindings,
  listBoundExecutors,
  unbindExecutor,
} from './workspace-executors-store.ts';

export type { BindingChange, BindOutcome, BoundExecutor } from './workspace-executors-store.ts';

interface Actor {
  readonly userId: string | undefined;
  readonly requestId: string;
}

interface BindingKey {
  readonly workspaceId: string;
  readonly exeId: string;
}

/** Which executors each workspace may reach. */
export class Bindings {
  readonly #pool: Pool;
  readonly #onUnbound: (key: BindingKey) => void;

  /** @param onUnbound - closes what this replica holds; the others are told by the database */
  constructor(pool: Pool, onUnbound: (key: BindingKey) => void) {
    this.#pool = pool;
    this.#onUnbound = onUnbound;
  }

  /** Binds an executor or changes its binding. A new default takes the place of the workspace's old one. */
  async bind(change: BindingChange, actor: Actor): Promise<BindOutcome> {
    return transaction(this.#pool, (tx) => bindExecutor(tx, change, actor));
  }

  /** Ends a binding; every replica closes its bridges. Again is the same as once. */
  async unbind(key: BindingKey, actor: Actor): Promise<void> {
    await unbindExecutor(this.#pool, key, actor);
    this.#onUnbound(key);
  }

  async list(workspaceId: string): Promise<BoundExecutor[]> {
    return listBoundExecutors(this.#pool, workspaceId);
  }

  /** Which of these no longer exist: what a replica asks that may have missed an unbinding. */
  async missing(keys: readonly BindingKey[]): Promise<BindingKey[]> {
    return keys.length === 0 ? [] : findMissingBindings(this.#pool, keys);
  }
}
