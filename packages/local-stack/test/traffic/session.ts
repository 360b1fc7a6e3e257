import { setTimeout as delay } from 'node:timers/promises';
import { type AppServerClient, connectAppServer, runTurn } from '@codex-gateways/testing';

const TURN_TIMEOUT_MS = 60_000;
const RECONNECT_MS = 200;

/** A `codex --remote` session that works all the time, and connects again when it is sent away, as the CLI does. */
export class SessionTraffic {
  readonly #url: string;
  readonly #bearer: string;
  readonly #marker: string;
  /** Turns whose command ran on the executor, turns whose command did not, and turns that ended with their connection. */
  readonly turns = { done: 0, withoutExecutor: 0, cut: 0 };
  connections = 0;
  refusedConnections = 0;
  longestGapMs = 0;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(url: string, { bearer, marker }: { bearer: string; marker: string }) {
    this.#url = url.replace('http', 'ws');
    this.#bearer = bearer;
    this.#marker = marker;
    this.#running = this.#work();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #work(): Promise<void> {
    let client: AppServerClient | undefined;
    let lastDoneAt = performance.now();
    while (!this.#isOver) {
      client ??= await this.#connect();
      if (!client) continue;
      try {
        const cut = client.closed.then(({ code }) => Promise.reject(new Error(`closed with ${code}`)));
        const turn = await Promise.race([runTurn(client, { text: 'who are you?', cwd: '/' }), cut, tooLong()]);
        const isDone = turn.items.some((item) => item.aggregatedOutput === `marker=${this.#marker}\n`);
        this.turns[isDone ? 'done' : 'withoutExecutor'] += 1;
        if (!isDone) continue;
        this.longestGapMs = Math.max(this.longestGapMs, performance.now() - lastDoneAt);
        lastDoneAt = performance.now();
      } catch {
        this.turns.cut += 1;
        await client.close();
        client = undefined;
      }
    }
    await client?.close();
  }

  async #connect(): Promise<AppServerClient | undefined> {
    try {
      const client = await connectAppServer({ url: this.#url, bearer: this.#bearer, timeoutMs: TURN_TIMEOUT_MS });
      this.connections += 1;
      return client;
    } catch {
      this.refusedConnections += 1;
      await delay(RECONNECT_MS);
      return undefined;
    }
  }
}

function tooLong(): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error('too long')), TURN_TIMEOUT_MS).unref());
}
