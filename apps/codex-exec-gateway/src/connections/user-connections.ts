import type { Queryable } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import { countUserConnections } from './user-connections-store.ts';

/** How long a count is added to instead of being made anew: thousands of executors may come back together. */
const COUNT_LIFETIME_MS = 1000;

/**
 * How many executors of one user are connected, across replicas. A count is up to a second old, so by as much as other replicas let
 * in meanwhile a user may get ahead of the limit.
 */
export class UserConnections {
  readonly #db: Queryable;
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  /** Counts under way, which all who come meanwhile wait for: each by itself they would keep the database from what brings them back. */
  readonly #counting = new Map<string, Promise<number>>();
  #countedAt = 0;

  constructor({ db, limit }: { db: Queryable; limit: number }) {
    this.#db = db;
    this.#limit = limit;
  }

  /**
   * Lets one more executor of the user in; one that is connected already does not count.
   * @throws {HttpError} 503: a 429 would make the executor register again each time (docs/protocol.md)
   */
  async check({ ownerUserId, exeId }: { ownerUserId: string; exeId: string }): Promise<void> {
    const now = performance.now();
    if (now - this.#countedAt > COUNT_LIFETIME_MS) {
      this.#counts.clear();
      this.#countedAt = now;
    }
    const shared = this.#counts.has(ownerUserId) ? 0 : await this.#count({ ownerUserId, exeId });
    const known = this.#counts.get(ownerUserId) ?? shared;
    if (known < this.#limit) {
      this.#counts.set(ownerUserId, known + 1);
      return;
    }
    // Whoever is connected already is among these, unless it is the one who is not counted.
    const others = await countUserConnections(this.#db, { ownerUserId, exceptExeId: exeId, upTo: this.#limit });
    if (others >= this.#limit) throw tooManyConnections();
    this.#counts.set(ownerUserId, others + 1);
  }

  #count({ ownerUserId, exeId }: { ownerUserId: string; exeId: string }): Promise<number> {
    const underWay = this.#counting.get(ownerUserId);
    if (underWay) return underWay;
    const counted = countUserConnections(this.#db, { ownerUserId, exceptExeId: exeId, upTo: this.#limit }).finally(() =>
      this.#counting.delete(ownerUserId),
    );
    this.#counting.set(ownerUserId, counted);
    return counted;
  }
}

function tooManyConnections(): HttpError {
  return new HttpError(503, 'too_many_connections', 'too many executors of this user are connected; stop some first', {
    reason: 'connections of the user',
    headers: { 'Retry-After': '10' },
  });
}
