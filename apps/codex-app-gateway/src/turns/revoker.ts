import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, InternalClient, Logger } from '@codex-gateways/service';
import type { OpenTurn, TurnJournal } from './turn-journal.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;

/** Revokes ended turns at the exec-gateway, and does not let go until each is accepted or has expired. */
export class Revoker {
  readonly #execGateway: Pick<InternalClient, 'request'>;
  readonly #journal: TurnJournal;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor({
    execGateway,
    journal,
    clock,
    log,
  }: {
    execGateway: Pick<InternalClient, 'request'>;
    journal: TurnJournal;
    clock: Clock;
    log: Logger;
  }) {
    this.#execGateway = execGateway;
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
  }

  /** Turns that are not yet known to be revoked. */
  get pendingCount(): number {
    return this.#running.size;
  }

  /** Begins to revoke; returns at once. */
  revoke(turn: OpenTurn): void {
    const work = this.#untilAccepted(turn).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#log.error({ err: error, turn_id: turn.turnId }, 'revoking a turn failed');
    });
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  /** Waits for what is running, then gives up; what is left is in the journal, for the next run. */
  async close(timeoutMs: number): Promise<void> {
    const timer = new AbortController();
    const timeout = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#running), timeout]);
    timer.abort();
    this.#abort.abort();
    await Promise.all(this.#running);
  }

  async #untilAccepted(turn: OpenTurn): Promise<void> {
    const { signal } = this.#abort;
    for (let retryMs = FIRST_RETRY_MS; turn.expiresAtSeconds > this.#clock.nowSeconds(); ) {
      if (await this.#isAccepted(turn)) break;
      await delay(retryMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false });
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    }
    await this.#journal.remove(turn.turnId);
    this.#log.info({ turn_id: turn.turnId }, 'turn revoked');
  }

  async #isAccepted({ turnId, expiresAtSeconds }: OpenTurn): Promise<boolean> {
    const body = { turn_id: turnId, exp: expiresAtSeconds };
    const request = {
      method: 'POST',
      path: '/api/exec-gateway/revoke-turn',
      body,
      signal: this.#abort.signal,
    } as const;
    const status = await this.#execGateway.request(request).then(
      (answer) => answer.status,
      () => undefined,
    );
    if (status === 204) return true;
    if (!this.#abort.signal.aborted)
      this.#log.warn({ turn_id: turnId, status }, 'revoking a turn was not accepted yet');
    return false;
  }
}
