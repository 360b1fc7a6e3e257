import type { Logger } from '@codex-gateways/service';

/** Removes at most `limit` rows that nobody needs any more and says how many it removed. */
export type SweepTask = (limit: number) => Promise<number>;

const BATCH_SIZE = 500;
/** So that one table with much to remove does not keep the others waiting for ever. */
const BATCHES_PER_SWEEP = 20;

/** Clears tables in the background, in bounded batches, so that none grows without limit. */
export class Sweeper {
  readonly #tasks: Readonly<Record<string, SweepTask>>;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(tasks: Readonly<Record<string, SweepTask>>, log: Logger) {
    this.#tasks = tasks;
    this.#log = log;
  }

  start(intervalMs: number): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.sweep().finally(() => {
        this.#running = undefined;
      });
    }, intervalMs);
    this.#timer.unref();
  }

  /** Runs every task once; one that fails is tried again with the next sweep. */
  async sweep(): Promise<void> {
    for (const [name, task] of Object.entries(this.#tasks)) {
      try {
        const removed = await this.#runTask(task);
        if (removed > 0) this.#log.debug({ task: name, removed }, 'swept');
      } catch (error) {
        this.#log.warn({ err: error, task: name }, 'a sweep failed');
      }
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #runTask(task: SweepTask): Promise<number> {
    let removed = 0;
    for (let batch = 0; batch < BATCHES_PER_SWEEP; batch += 1) {
      const count = await task(BATCH_SIZE);
      removed += count;
      if (count < BATCH_SIZE) break;
    }
    return removed;
  }
}
