import { randomUUID } from 'node:crypto';
import type { Queryable } from '@codex-gateways/database';
import { HttpError, type Logger } from '@codex-gateways/service';
import { type BridgeSlot, releaseBridgeSlots, takeBridgeSlot } from './turn-bridges-store.ts';

/** Two bridges that open at once may want the same slot; so often another one is tried. */
const MAX_ATTEMPTS = 8;

/** How many bridges each turn has open, across replicas. What could not be given back is tried again with every sweep. */
export class TurnBridges {
  readonly #db: Queryable;
  readonly #replicaId: string;
  readonly #limit: number;
  readonly #log: Logger;
  readonly #ended = new Set<BridgeSlot>();
  #releasing: Promise<void> | undefined;

  /** @param limit - the most bridges of one turn */
  constructor({ db, replicaId, limit, log }: { db: Queryable; replicaId: string; limit: number; log: Logger }) {
    this.#db = db;
    this.#replicaId = replicaId;
    this.#limit = limit;
    this.#log = log;
  }

  /**
   * Takes a place for one more bridge of the turn.
   * @returns gives it back; more than once is the same as once
   * @throws {HttpError} 429 when the turn has as many as it may
   */
  async take({ turnId, exeId }: { turnId: string; exeId: string }): Promise<() => void> {
    const bridgeId = randomUUID();
    const bridge = { turnId, bridgeId, replicaId: this.#replicaId, exeId, limit: this.#limit };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const outcome = await takeBridgeSlot(this.#db, bridge);
      if (outcome.kind === 'taken') return this.#releaserOf({ turnId, slot: outcome.slot, bridgeId });
      if (outcome.kind === 'full') throw tooManyBridges();
    }
    throw new HttpError(503, 'temporarily_unavailable', 'too many bridges of this turn open at once; try again');
  }

  /** Tries again to give back what the database did not take. */
  async flush(): Promise<void> {
    this.#release();
    await this.#releasing;
  }

  #releaserOf(slot: BridgeSlot): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#ended.add(slot);
      this.#release();
    };
  }

  #release(): void {
    if (this.#ended.size === 0) return;
    this.#releasing ??= this.#releaseAll().finally(() => {
      this.#releasing = undefined;
    });
  }

  async #releaseAll(): Promise<void> {
    while (this.#ended.size > 0) {
      const batch = [...this.#ended];
      try {
        await releaseBridgeSlots(this.#db, batch);
      } catch (error) {
        this.#log.warn({ err: error, waiting: batch.length }, 'closed bridges stay on record for now');
        return;
      }
      for (const slot of batch) this.#ended.delete(slot);
    }
  }
}

function tooManyBridges(): HttpError {
  return new HttpError(429, 'too_many_bridges', 'this turn has too many open bridges; close some first', {
    reason: 'harness connections of the turn',
  });
}
