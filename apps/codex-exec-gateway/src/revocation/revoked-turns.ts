import type { Queryable } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import { insertRevokedTurn, listRevokedTurns } from './revoked-turns-store.ts';

/** What a revocation without an expiry gets: longer than capability tokens usually live. */
const DEFAULT_LIFETIME_SECONDS = 3600;
/** Below this a clock that is slightly wrong could bring a turn back to life. */
const SHORTEST_LIFETIME_SECONDS = 60;
/** The longest that a row is kept; no capability token lives that long. */
const LONGEST_LIFETIME_SECONDS = 31 * 86_400;
/** How far a periodic reading looks back, beyond its interval: rows of transactions that were slow to commit. */
const REFRESH_OVERLAP_MS = 60_000;

/**
 * The revoked turns, kept in memory as a copy of the table: read whole at start and after a lost connection, kept up by
 * notifications, and read again every few seconds in case one got lost. Nothing is ever pushed out by size.
 */
export class RevokedTurns {
  readonly #db: Queryable;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #refreshMs: number;
  readonly #onRevoked: (turnId: string) => void;
  readonly #expiresAtMs = new Map<string, number>();
  #isLoaded = false;
  #learnt = 0;
  #refreshing: Promise<void> | undefined;
  #lastRefreshAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param onRevoked - called once for each turn that becomes known as revoked: its bridges have to close */
  constructor({
    db,
    clock,
    log,
    refreshMs,
    onRevoked,
  }: {
    db: Queryable;
    clock: Clock;
    log: Logger;
    refreshMs: number;
    onRevoked: (turnId: string) => void;
  }) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    this.#refreshMs = refreshMs;
    this.#onRevoked = onRevoked;
  }

  /** False until the table was read once: then nothing can be said about any turn. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get size(): number {
    return this.#expiresAtMs.size;
  }

  /** How many revocations became known since the start. */
  get learnt(): number {
    return this.#learnt;
  }

  isRevoked(turnId: string): boolean {
    const expiresAtMs = this.#expiresAtMs.get(turnId);
    return expiresAtMs !== undefined && expiresAtMs > this.#clock.now().getTime();
  }

  /** Reads the table and keeps reading it. Does not wait for a database that is away: the next reading may find it. */
  start(): void {
    this.#timer = setInterval(() => this.refresh(), this.#refreshMs);
    this.#timer.unref();
  }

  /**
   * Revokes a turn everywhere: in the table, and at once here.
   * @param expiresAtSeconds - when its last capability token expires, epoch seconds; an hour ahead if undefined; kept
   *   between a minute and a month ahead
   */
  async revoke(turn: { turnId: string; expiresAtSeconds: number | undefined; requestId: string }): Promise<void> {
    const nowSeconds = this.#clock.nowSeconds();
    const wanted = turn.expiresAtSeconds ?? nowSeconds + DEFAULT_LIFETIME_SECONDS;
    const expiresAtSeconds = Math.min(
      Math.max(wanted, nowSeconds + SHORTEST_LIFETIME_SECONDS),
      nowSeconds + LONGEST_LIFETIME_SECONDS,
    );
    const expiresAt = new Date(expiresAtSeconds * 1000);
    const effective = await insertRevokedTurn(this.#db, { turnId: turn.turnId, expiresAt, requestId: turn.requestId });
    this.learn(turn.turnId, effective.getTime());
  }

  /** Takes in a revocation that is in the table. */
  learn(turnId: string, expiresAtMs: number): void {
    const known = this.#expiresAtMs.get(turnId);
    this.#expiresAtMs.set(turnId, Math.max(expiresAtMs, known ?? 0));
    if (known !== undefined) return;
    this.#learnt += 1;
    this.#onRevoked(turnId);
  }

  /** Reads the whole table, now. @throws when the database is away */
  async load(): Promise<void> {
    await this.#read(undefined);
    this.#isLoaded = true;
  }

  /** Reads what is new, or everything after a gap; a failure is logged and made good by a later one. */
  refresh({ all = false }: { all?: boolean } = {}): void {
    this.#forgetExpired();
    this.#refreshing ??= this.#refreshNow(all).finally(() => {
      this.#refreshing = undefined;
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#refreshing;
  }

  async #refreshNow(all: boolean): Promise<void> {
    const sinceLastMs = performance.now() - this.#lastRefreshAt;
    try {
      if (all || !this.#isLoaded) await this.load();
      else await this.#read(sinceLastMs + REFRESH_OVERLAP_MS);
    } catch (error) {
      this.#log.warn({ err: error }, 'revoked turns could not be read; notifications still count');
    }
  }

  async #read(revokedWithinMs: number | undefined): Promise<void> {
    const startedAt = performance.now();
    const revoked = await listRevokedTurns(this.#db, { now: this.#clock.now(), revokedWithinMs });
    for (const { turnId, expiresAt } of revoked) this.learn(turnId, expiresAt.getTime());
    this.#lastRefreshAt = startedAt;
  }

  #forgetExpired(): void {
    const nowMs = this.#clock.now().getTime();
    for (const [turnId, expiresAtMs] of this.#expiresAtMs) {
      if (expiresAtMs <= nowMs) this.#expiresAtMs.delete(turnId);
    }
  }
}
