import { AsyncResource } from 'node:async_hooks';

/** A write that several callers can share, or make alone. */
export interface SharedWrite<Item, Outcome> {
  /**
   * Writes several items by one statement, as if each were alone. It waits for no lock: items whose rows somebody else holds at the
   * moment are left out.
   * @returns what came of each that was written, by its position
   */
  together(items: readonly Item[]): Promise<ReadonlyMap<number, Outcome>>;
  /** Writes one item, and waits for locks. @returns undefined when it is not to be written */
  alone(item: Item): Promise<Outcome | undefined>;
}

/** Says whether there is time to wait for company. */
export interface Pace {
  readonly isLong: boolean;
  during<Result>(count: number, work: () => Promise<Result>): Promise<Result>;
  whenShort(resume: () => void): void;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  /** For whom its statement is sent. */
  readonly context: AsyncResource;
  readonly resolve: (outcome: Outcome | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets writes that wait at the same time share one statement, which costs a fraction of as many statements and commits. A lone write
 * waits for nobody, and what is wrong with one item is no matter of the others: what the shared statement leaves out is tried alone,
 * and so is each of them when the statement fails and nothing of it has happened.
 */
export class WriteBatch<Item, Outcome> {
  readonly #write: SharedWrite<Item, Outcome>;
  readonly #pace: Pace;
  readonly #maxItems: number;
  #waiting: Waiting<Item, Outcome>[] = [];
  #isDue = false;

  /** @param pace - while it is long, items wait; each counts there until it is written */
  constructor(write: SharedWrite<Item, Outcome>, { pace, maxItems = 32 }: { pace: Pace; maxItems?: number }) {
    this.#write = write;
    this.#pace = pace;
    this.#maxItems = maxItems;
  }

  /** Writes an item. @returns undefined when it is not to be written. @throws whatever its statement failed with */
  write(item: Item): Promise<Outcome | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, context: new AsyncResource('WriteBatch'), resolve, reject });
      if (this.#isDue) return;
      this.#isDue = true;
      setImmediate(() => this.#send());
    });
  }

  #send(): void {
    this.#isDue = false;
    while (this.#waiting.length > 0 && !this.#pace.isLong) {
      const waiting = this.#waiting.splice(0, this.#maxItems);
      void this.#pace.during(waiting.length, () => this.#answer(waiting));
    }
    if (this.#waiting.length === 0) return;
    this.#isDue = true;
    this.#pace.whenShort(() => this.#send());
  }

  async #answer(waiting: readonly Waiting<Item, Outcome>[]): Promise<void> {
    const [first] = waiting;
    if (!first) return;
    if (waiting.length === 1) return this.#answerAlone(first);
    let written: ReadonlyMap<number, Outcome>;
    try {
      const items = waiting.map(({ item }) => item);
      written = await first.context.runInAsyncScope(() => this.#write.together(items));
    } catch (error) {
      if (!isUndone(error)) {
        for (const { reject } of waiting) reject(error);
        return;
      }
      written = new Map();
    }
    for (const [position, each] of waiting.entries()) {
      const outcome = written.get(position);
      if (outcome === undefined) void this.#answerAlone(each);
      else each.resolve(outcome);
    }
  }

  async #answerAlone({ item, context, resolve, reject }: Waiting<Item, Outcome>): Promise<void> {
    await context.runInAsyncScope(() => this.#write.alone(item)).then(resolve, reject);
  }
}

/**
 * SQLSTATE classes of what a statement earned itself, so that the server has undone it: 22 data exceptions, 23 violated constraints,
 * 40 rollbacks such as that of a deadlock; and 57014, a statement that took too long. Of others, a lost connection among them, nobody
 * knows what became.
 */
const UNDONE = /^(22...|23...|40(?!003)...|57014)$/;

function isUndone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && UNDONE.test(error.code);
}
