import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait, how often to look, and what the error says was missing. */
export interface WaitForOptions {
  timeoutMs: number;
  /** What is waited for, as it completes "gave up waiting for …"; a function is called when the wait is given up. */
  describe: string | (() => string);
  /** Pause between two looks; 25 ms when absent. */
  intervalMs?: number;
}

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * Looks until `condition` gives something truthy, and returns that.
 * @throws {Error} `gave up waiting for <describe> after <timeoutMs> ms`; an error of `condition` passes through at once
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitForOptions): Promise<Truthy<T>> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    const outcome = await condition();
    if (outcome) return outcome as Truthy<T>;
    if (performance.now() >= deadlineMs) {
      const described = typeof options.describe === 'string' ? options.describe : options.describe();
      throw new Error(`gave up waiting for ${described} after ${options.timeoutMs} ms`);
    }
    await delay(options.intervalMs ?? 25);
  }
}
