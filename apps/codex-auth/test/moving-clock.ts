import type { Clock } from '@codex-gateways/service';

/** A clock that runs with the system's, ahead of it by what the test added. */
export class MovingClock implements Clock {
  #aheadMs = 0;

  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }

  nowSeconds(): number {
    return Math.floor((Date.now() + this.#aheadMs) / 1000);
  }

  advance(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }
}
