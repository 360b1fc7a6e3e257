/** The turns that are under way for callers over HTTP, to end them all when the gateway ends. */
export class RunningTurns {
  readonly #turns = new Map<AbortController, Promise<void>>();
  #whyNoMore: string | undefined;

  /**
   * @param interruption - aborted, with why in words, when the turn must end
   * @returns to be called when it is over
   */
  add(interruption: AbortController): () => void {
    if (this.#whyNoMore !== undefined) interruption.abort(this.#whyNoMore);
    let settle: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#turns.set(interruption, over);
    return () => {
      this.#turns.delete(interruption);
      settle();
    };
  }

  /** Interrupts them all, and each that begins later. Settles when they are over, or when the time is. */
  async interruptAll(why: string, timeoutMs: number): Promise<void> {
    this.#whyNoMore ??= why;
    const all = Promise.all(this.#turns.values());
    for (const interruption of this.#turns.keys()) interruption.abort(why);
    let timer: NodeJS.Timeout | undefined;
    const timeIsUp = new Promise((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([all, timeIsUp]);
    clearTimeout(timer);
  }
}
