interface Asked<Question, Answer> {
  readonly question: Question;
  resolve(answer: Answer | undefined): void;
  reject(error: unknown): void;
}

/**
 * Answers questions of many callers with few statements: one is under way at a time and takes along all that has queued up meanwhile,
 * so that thousands of executors that come back together do not queue for a connection to the database, each by itself.
 */
export class BatchedLookup<Question, Answer> {
  readonly #ask: (questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>;
  readonly #batchSize: number;
  readonly #waiting: Asked<Question, Answer>[] = [];
  #isAsking = false;

  /** @param ask - answers in the order of the questions; `undefined` where there is nothing to be found */
  constructor(ask: (questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>, batchSize = 500) {
    this.#ask = ask;
    this.#batchSize = batchSize;
  }

  /** @throws what the statement throws, for every question that went along with it */
  find(question: Question): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (!this.#isAsking) void this.#askAll();
    });
  }

  async #askAll(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#batchSize);
      try {
        const answers = await this.#ask(batch.map(({ question }) => question));
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isAsking = false;
  }
}
