import type { Deadline } from '../deadline.ts';

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
 * The promise's outcome, or a rejection as soon as the time is over; the promise itself goes on, unheard.
 * @param tooLate - makes the error
 */
export function withinDeadline<Result>(
  promise: Promise<Result>,
  deadline: Deadline,
  tooLate: () => Error,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    deadline.onOver(() => reject(tooLate()));
    promise.then(resolve, reject);
  });
}
