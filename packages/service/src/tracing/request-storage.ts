import { AsyncLocalStorage } from 'node:async_hooks';

/** For what goes on after the last request has ended. */
const LINGER_MS = 5000;

/**
 * Follows what is done for requests through asynchronous calls. While it does, Node.js 20 makes every promise and callback of the
 * process dearer, and it would not stop by itself: here it does when no request has been open for some seconds.
 */
export class RequestStorage<Context> {
  readonly #storage = new AsyncLocalStorage<Context>();
  #open = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Of the request that the running code works for. */
  get current(): Context | undefined {
    return this.#storage.getStore();
  }

  /** Runs `work`, and all that it starts, as part of a request. */
  run<Result>(context: Context, work: () => Result): Result {
    if (this.#open === 0) this.#stopLater();
    return this.#storage.run(context, work);
  }

  /** Runs `work` as part of no request. */
  exit<Result>(work: () => Result): Result {
    return this.#storage.exit(work);
  }

  /**
   * A request is open from now on.
   * @returns says that it no longer is; safe to call twice
   */
  open(): () => void {
    clearTimeout(this.#timer);
    this.#open += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#open -= 1;
      isOpen = false;
      if (this.#open === 0) this.#stopLater();
    };
  }

  #stopLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#storage.disable(), LINGER_MS).unref();
  }
}
