import type { Logger } from '@codex-gateways/service';

/** Rows of one kind that nobody needs any more. */
export interface CleanupTask {
  /** For the log. */
  readonly name: string;
  /** Deletes up to `maxRows` of them. @returns how many */
  deleteBatch(maxRows: number): Promise<number>;
}

export interface CleanupDeps {
  readonly tasks: readonly CleanupTask[];
  readonly intervalMs: number;
  readonly batchRows: number;
  readonly log: Logger;
}

/** Bounds one run, so that the end of the service never waits for a long one. */
const MAX_BATCHES_PER_TASK = 100;

/** Removes what has expired, in batches, so that no table grows without limit. Several replicas may do it at once. */
export class Cleanup {
  readonly #deps: CleanupDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: CleanupDeps) {
    this.#deps = deps;
  }

  start(): void {
    const run = () => {
      this.#running = this.runOnce();
    };
    this.#timer = setInterval(run, this.#deps.intervalMs).unref();
  }

  /** Deletes everything that is due. A task that fails is logged, and tried again in the next run. */
  async runOnce(): Promise<void> {
    for (const task of this.#deps.tasks) {
      try {
        const deleted = await this.#deleteAll(task);
        if (deleted > 0) this.#deps.log.debug({ rows: task.name, deleted }, 'expired rows deleted');
      } catch (error) {
        this.#deps.log.warn({ err: error, rows: task.name }, 'expired rows could not be deleted');
      }
    }
  }

  /** Ends after the batch that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #deleteAll(task: CleanupTask): Promise<number> {
    const { batchRows } = this.#deps;
    let total = 0;
    for (let batch = 0; batch < MAX_BATCHES_PER_TASK && !this.#isClosed; batch += 1) {
      const deleted = await task.deleteBatch(batchRows);
      total += deleted;
      if (deleted < batchRows) break;
    }
    return total;
  }
}
