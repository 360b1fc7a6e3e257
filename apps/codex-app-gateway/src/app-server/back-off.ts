const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** An app-server that ran this long was healthy: what ends it then is not a failure to start. */
const HEALTHY_AFTER_MS = 60_000;

/** How long a workspace waits before its next app-server, after those before ended by themselves. */
export class BackOff {
  #failures = 0;
  #notBeforeMs = 0;

  /** @param ranForMs - 0 when it did not start at all; `nowMs` on any steady clock */
  failed(ranForMs: number, nowMs: number): void {
    this.#failures = ranForMs >= HEALTHY_AFTER_MS ? 1 : this.#failures + 1;
    this.#notBeforeMs = nowMs + Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
  }

  /** 0 when a start may be tried now. */
  remainingMs(nowMs: number): number {
    return Math.max(0, this.#notBeforeMs - nowMs);
  }
}
