/** The end of the time that something may take. A timer of its own, and an abort signal only for who needs one: those cost more. */
export class Deadline {
  readonly #timer: NodeJS.Timeout;
  #listeners: (() => void)[] = [];
  #controller: AbortController | undefined;
  #isOver = false;

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => this.#end(), timeoutMs).unref();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Calls back when the time is over, at once if it is. */
  onOver(listener: () => void): void {
    if (this.#isOver) listener();
    else this.#listeners.push(listener);
  }

  /** From here on it never ends. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#listeners = [];
  }

  #end(): void {
    this.#isOver = true;
    this.#controller?.abort();
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
