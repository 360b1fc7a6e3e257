import { HttpError } from '@codex-gateways/service';

export interface WorkBounds {
  /** At once; the thread pool has four threads, which also sign tokens. */
  readonly maxConcurrent: number;
  /** That may wait for a place; more are refused at once rather than queued without end. */
  readonly maxWaiting: number;
}

/** Keeps costly work that an anonymous caller can cause, such as hashing a password, within bounds. */
export class BoundedWork {
  readonly #bounds: WorkBounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(bounds: WorkBounds) {
    this.#bounds = bounds;
  }

  /** @throws {HttpError} 503 when too many others wait */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#bounds.maxConcurrent) {
      if (this.#waiting.length >= this.#bounds.maxWaiting) throw busy();
      // The place is handed over by whoever ends, so nobody can slip in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

function busy(): HttpError {
  return new HttpError(503, 'temporarily_unavailable', 'too many secrets are being checked, try again', {
    headers: { 'Retry-After': '1' },
  });
}
