/** Runs tasks one after another, in the order they came. A task that fails does not stop the next. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Whether a task runs or waits. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  run<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#waiting += 1;
    const result = this.#last.then(task).finally(() => {
      this.#waiting -= 1;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}
