/**
 * Counts the answers that are being signed, or soon will be. Signing is most of the work of a token request, so whatever is ready earlier
 * than the thread pool only waits there: while the queue is long, statements may wait for company instead.
 */
export class SigningQueue {
  readonly #longFrom: number;
  readonly #listeners: (() => void)[] = [];
  #answers = 0;

  /** @param longFrom - answers; enough to keep the thread pool busy for the time of a round trip to the database */
  constructor({ longFrom }: { longFrom: number }) {
    this.#longFrom = longFrom;
  }

  get isLong(): boolean {
    return this.#answers >= this.#longFrom;
  }

  /** Counts `answers` until the work is done, however it ends. */
  async during<Result>(answers: number, work: () => Promise<Result>): Promise<Result> {
    this.#answers += answers;
    try {
      return await work();
    } finally {
      this.#answers -= answers;
      if (!this.isLong) for (const listener of this.#listeners) listener();
    }
  }

  /** Calls `listener` whenever an answer leaves the queue and it is not long then. */
  onShort(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
