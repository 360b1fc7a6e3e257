import type { Clock } from '@codex-gateways/service';

/** The real time until a test moves or stops it. */
export class MovableClock implements Clock {
  #aheadMs = 0;
  #stoppedAtMs: number | undefined;

  now(): Date {
    return new Date((this.#stoppedAtMs ?? Date.now()) + this.#aheadMs);
  }

  nowSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }

  advanceSeconds(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }

  /** From now on no time passes but what a test lets pass. */
  stop(): void {
    this.#stoppedAtMs ??= Date.now();
  }
}
