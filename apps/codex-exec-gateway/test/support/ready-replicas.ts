import { setTimeout as delay } from 'node:timers/promises';

const PROBE_MS = 100;

/**
 * The replicas that are in use, as a balancer finds out: one comes in when it says that it is ready, and leaves when it says that it shuts
 * down, or says nothing. One that has too much to do stays, as it does where a balancer needs more than one failed probe.
 */
export class ReadyReplicas {
  readonly #all: readonly string[];
  readonly #ready = new Set<string>();
  #isOver = false;

  /** @param all - `http://host:port` of each replica */
  constructor(all: readonly string[]) {
    this.#all = all;
  }

  get urls(): readonly string[] {
    return [...this.#ready];
  }

  get areAll(): boolean {
    return this.#ready.size === this.#all.length;
  }

  start(): void {
    for (const url of this.#all) void this.#watch(url);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #watch(url: string): Promise<void> {
    while (!this.#isOver) {
      const says = await whatItSays(url);
      if (says === 'ready') this.#ready.add(url);
      if (says === 'draining' || says === 'nothing') this.#ready.delete(url);
      await delay(PROBE_MS, undefined, { ref: false });
    }
  }
}

async function whatItSays(url: string): Promise<'ready' | 'draining' | 'not ready' | 'nothing'> {
  try {
    const answer = await fetch(`${url}/readyz`, { headers: { connection: 'close' } });
    const { missing } = (await answer.json()) as { missing?: { service?: string } };
    if (answer.ok) return 'ready';
    return missing?.service === 'draining' ? 'draining' : 'not ready';
  } catch {
    return 'nothing';
  }
}
