import type { Logger } from '@codex-gateways/service';
import { RedisUnavailableError } from './redis-connection.ts';

export interface RedisResealingDeps {
  /** Seals anew what a former master key sealed; throws `RedisUnavailableError` while Redis is away. */
  readonly reseal: () => Promise<unknown>;
  readonly log: Logger;
  /** Between two tries. */
  readonly retryMs: number;
}

/** Seals anew what lies in Redis, once: at the start, or when Redis is there, for which no start waits. */
export class RedisResealing {
  readonly #deps: RedisResealingDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: RedisResealingDeps) {
    this.#deps = deps;
  }

  /** Tries at once. @throws what `reseal` throws, unless Redis is away: then it goes on trying */
  async start(): Promise<void> {
    try {
      await this.#deps.reseal();
    } catch (error) {
      if (!(error instanceof RedisUnavailableError)) throw error;
      const reason = error.message;
      this.#deps.log.warn(
        { reason },
        'registrations at upstreams are out of reach; whoever needs one is asked to try again',
      );
      this.#tryLater();
    }
  }

  /** Waits for a try that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #tryLater(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#tryAgain();
    }, this.#deps.retryMs).unref();
  }

  async #tryAgain(): Promise<void> {
    const { reseal, log } = this.#deps;
    try {
      await reseal();
      log.info('registrations at upstreams are in reach, and sealed under the current master key');
    } catch (error) {
      if (error instanceof RedisUnavailableError) return this.#tryLater();
      log.error({ err: error }, 'registrations at upstreams could not be sealed under the current master key');
    }
  }
}
