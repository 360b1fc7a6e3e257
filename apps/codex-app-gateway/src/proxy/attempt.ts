/** Something made in steps, each of which takes something; a failure gives all of it back, also what a late step takes. */
export class Attempt {
  readonly #undo: (() => void)[] = [];
  #hasFailed = false;

  onFailure(undo: () => void): void {
    if (this.#hasFailed) undo();
    else this.#undo.push(undo);
  }

  fail(): void {
    this.#hasFailed = true;
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}

/**
 * The promise's outcome, or a rejection as soon as the signal aborts; the promise itself goes on, unheard.
 * @param timedOut - makes the error
 */
export async function withinDeadline<Result>(
  promise: Promise<Result>,
  signal: AbortSignal,
  timedOut: () => Error,
): Promise<Result> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(timedOut());
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
