import { setTimeout as delay } from 'node:timers/promises';
import type { Queryable } from '@codex-gateways/database';
import { HttpError, type Logger } from '@codex-gateways/service';
import type { ExecutorIdentity } from '../connections/executor-connection.ts';
import type { LocalExecutors } from '../connections/local-executors.ts';
import {
  contestPlace,
  findPlaceHolder,
  insertEviction,
  type PlaceHolder,
  prolongDuel,
  updateProvedAlive,
} from './duels-store.ts';

/** Longer than a connection has to prove itself, with the way there and back. */
const CONTEST_TIMEOUT_MS = 3500;
const LOOK_AGAIN_MS = 150;

export interface DuelSettings {
  /** So many evictions of living connections within the window are a duel. An even number leaves the place to whom it belonged first. */
  readonly takeovers: number;
  readonly windowSeconds: number;
  /** How long after the last sign of a duel a living connection keeps its place. */
  readonly holdSeconds: number;
}

export interface DuelsDeps {
  readonly db: Queryable;
  readonly settings: DuelSettings;
  readonly localExecutors: Pick<LocalExecutors, 'get'>;
  readonly counters: { duelBegun(): void; duelRefused(status: 403 | 409): void };
  readonly log: Logger;
}

/**
 * Two processes that run with the same id. The newest connection of an executor wins, at once: a laptop that has changed networks leaves
 * a connection behind that nobody answers on. But a connection that is replaced and *hangs up* belongs to another process, which will be
 * back: when that happens again and again, whoever has the place keeps it for as long as it answers, and the other one is told so.
 */
export class Duels {
  readonly #deps: DuelsDeps;

  constructor(deps: DuelsDeps) {
    this.#deps = deps;
  }

  /** A connection was replaced and its process was there. */
  noteEviction({ exeId, connectionId }: Pick<ExecutorIdentity, 'exeId' | 'connectionId'>): void {
    const { db, settings, counters, log } = this.#deps;
    insertEviction(db, { connectionId, ...settings }).then(
      (duel) => {
        if (duel !== 'begun') return;
        counters.duelBegun();
        log.warn({ exe_id: exeId }, 'two processes run with the same executor id; the one that is connected stays');
      },
      (error: unknown) => log.warn({ err: error, exe_id: exeId }, 'an eviction could not be noted'),
    );
  }

  /**
   * Decides about a newcomer during a duel: it gets the place if nobody has it, if it is the same run of the same process, or if
   * the connection that has it does not answer.
   * @param status - 409 ends the newcomer's process with these words; 403 at the WebSocket makes it register, where it is told
   * @throws {HttpError} that status when the connection that has the place has just answered
   */
  async mayTakeOver(
    { exeId, registrationId }: { exeId: string; registrationId: string | undefined },
    status: 403 | 409,
  ): Promise<void> {
    const { db, settings, counters, log } = this.#deps;
    const holder = await this.#provedHolder({ exeId, registrationId });
    if (!holder) return;
    await prolongDuel(db, { exeId, holdSeconds: settings.holdSeconds });
    counters.duelRefused(status);
    log.warn({ exe_id: exeId, holder_ip: holder.clientIp }, 'another process with the same executor id was refused');
    throw inUse(holder, status);
  }

  /** Another replica, or this one, wants to know whether the executor of a connection is there. */
  contest({ exeId, connectionId }: { exeId: string; connectionId: string }): void {
    const { db, localExecutors, log } = this.#deps;
    const connection = localExecutors.get(exeId);
    if (connection?.identity.connectionId !== connectionId) return;
    connection
      .proveAlive()
      .then((isAlive) => (isAlive ? updateProvedAlive(db, connectionId) : undefined))
      .catch((error: unknown) => log.warn({ err: error, exe_id: exeId }, 'a sign of life could not be noted'));
  }

  async #provedHolder(newcomer: {
    exeId: string;
    registrationId: string | undefined;
  }): Promise<PlaceHolder | undefined> {
    const { db } = this.#deps;
    const { exeId } = newcomer;
    const startedAt = performance.now();
    let contested: string | undefined;
    for (;;) {
      const sinceMs = performance.now() - startedAt;
      const holder = await findPlaceHolder(db, { exeId, sinceMs });
      if (!holder || (holder.registrationId !== undefined && holder.registrationId === newcomer.registrationId)) return;
      if (holder.isProved) return holder;
      if (sinceMs > CONTEST_TIMEOUT_MS) return;
      if (contested !== holder.connectionId) await contestPlace(db, { exeId, connectionId: holder.connectionId });
      contested = holder.connectionId;
      await delay(LOOK_AGAIN_MS);
    }
  }
}

function inUse({ clientIp, connectedAt }: PlaceHolder, status: 403 | 409): HttpError {
  const from = clientIp === undefined ? '' : ` from ${clientIp}`;
  return new HttpError(
    status,
    'executor_in_use',
    `another process has been connected with this environment id${from} since ${connectedAt.toISOString()}; stop that one, or add a connector of its own for this machine and start with the environment id that it shows`,
    { reason: 'two processes with one executor id' },
  );
}
