/**
 * Counts the answers that are being signed, or soon will be. Signing is most of the work of a token request, so whatever is ready earlier
 * than the thread pool only waits there: while the queue is long, statements may wait for company instead.
 */
export class SigningQueue {
  readonly #longFrom: number;
  readonly #waiting: (() => void)[] = [];
  #answers = 0;
  #isResuming = false;

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
      this.#resumeSoon();
    }
  }

  /** Calls `resume` once the queue is not long. Who waits longest is first, and may make it long again for the others. */
  whenShort(resume: () => void): void {
    this.#waiting.push(resume);
    this.#resumeSoon();
  }

  // Not at once: an answer leaves the database's count before it is counted for its signatures.
  #resumeSoon(): void {
    if (this.#isResuming || this.isLong || this.#waiting.length === 0) return;
    this.#isResuming = true;
    setImmediate(() => {
      this.#isResuming = false;
      while (!this.isLong) {
        const resume = this.#waiting.shift();
        if (!resume) return;
        resume();
      }
    });
  }
}
