const PROBE_MS = 100;

/** The replicas that say that they are ready, as a balancer finds them out. */
export class ReadyReplicas {
  readonly #all: readonly string[];
  #ready: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param all - `http://host:port` of each replica */
  constructor(all: readonly string[]) {
    this.#all = all;
  }

  get urls(): readonly string[] {
    return this.#ready;
  }

  get areAll(): boolean {
    return this.#ready.length === this.#all.length;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#probe(), PROBE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #probe(): Promise<void> {
    const answers = await Promise.all(
      this.#all.map(async (url) => {
        const answer = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
        await answer?.arrayBuffer().catch(() => undefined);
        return answer?.ok ? [url] : [];
      }),
    );
    this.#ready = answers.flat();
  }
}
