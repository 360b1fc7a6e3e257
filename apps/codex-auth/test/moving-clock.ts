import type { Clock } from '@codex-gateways/service';

/** A clock that runs with the system's, ahead of it by what the test added; or stands still, for what happens at one moment. */
export class MovingClock implements Clock {
  #aheadMs = 0;
  #stoppedAtMs: number | undefined;

  now(): Date {
    return new Date((this.#stoppedAtMs ?? Date.now()) + this.#aheadMs);
  }

  nowSeconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }

  advance(seconds: number): void {
    this.#aheadMs += seconds * 1000;
  }

  /** From now on only {@link advance} moves it, however long the test takes. */
  stop(): void {
    this.#stoppedAtMs ??= Date.now();
  }

  /** Undoes {@link stop}: what went by meanwhile has gone by. */
  run(): void {
    this.#stoppedAtMs = undefined;
  }
}
