import type { Clock } from '@codex-gateways/service';

/** The real time until a test moves it. */
export class MovableClock implements Clock {
  #aheadMs = 0;

  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }

  nowSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }

  advanceSeconds(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }
}
