import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createInternalClient, type InternalClient, type Logger } from '@codex-gateways/service';
import type { SessionLog } from './session-log.ts';

const PATH = '/internal/codex-auth/remote-sessions';
const BATCH = 200;
/** News that come together go together. */
const GATHERING_MS = 300;
/** For a service that may learn of reports with its next version. */
const UNKNOWN_RETRY_MS = 600_000;
const LAST_REPORT_MS = 2000;

export interface SessionReporterDeps {
  /** Base of codex-auth. */
  readonly url: string;
  readonly secret: string;
  readonly sessions: SessionLog;
  /** Between two reports without news, by which the other side knows that this gateway is alive. */
  readonly intervalMs: number;
  readonly log: Logger;
}

type Outcome = 'reported' | 'failed' | 'unknown';

/**
 * Tells codex-auth who is connected here: news soon, and now and then that this gateway is alive. Nothing depends on it: what could not be
 * told is told later, and a service that does not listen is asked again every ten minutes.
 */
export class SessionReporter {
  readonly #deps: SessionReporterDeps;
  readonly #client: InternalClient;
  readonly #gatewayId = randomUUID();
  #closing = new AbortController();
  #news = new AbortController();
  #running: Promise<void> | undefined;
  #lastOutcome: Outcome = 'reported';

  constructor(deps: SessionReporterDeps) {
    this.#deps = deps;
    this.#client = createInternalClient({
      baseUrl: deps.url,
      headers: { 'x-internal-secret': deps.secret },
      connections: 1,
    });
    deps.sessions.onNews = () => {
      // Each abort makes an error, also of what was aborted before.
      if (!this.#news.signal.aborted) this.#news.abort();
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Tells the last news, if that is quick. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    if (this.#running && this.#lastOutcome === 'reported') await this.#report(AbortSignal.timeout(LAST_REPORT_MS));
    await this.#client.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const before = this.#lastOutcome;
      const outcome = await this.#report(signal);
      if (signal.aborted) return;
      this.#lastOutcome = outcome;
      if (outcome !== before) this.#announce(outcome);
      await this.#pause(outcome);
      if (outcome === 'unknown') this.#deps.sessions.putBackAll();
    }
  }

  async #pause(outcome: Outcome): Promise<void> {
    const { signal } = this.#closing;
    if (outcome === 'unknown') return wait(UNKNOWN_RETRY_MS, signal);
    if (outcome === 'failed') return wait(this.#deps.intervalMs, signal);
    if (this.#deps.sessions.newsCount === 0) {
      this.#news = new AbortController();
      await wait(this.#deps.intervalMs, AbortSignal.any([signal, this.#news.signal]));
    }
    await wait(GATHERING_MS, signal);
  }

  /** Everything that is new, or just that this gateway is alive. */
  async #report(signal: AbortSignal): Promise<Outcome> {
    const { sessions } = this.#deps;
    do {
      const ids = sessions.take(BATCH);
      const outcome = await this.#send(ids, signal);
      if (outcome === 'failed') sessions.putBack(ids);
      else sessions.settle(ids);
      if (outcome !== 'reported') return outcome;
    } while (sessions.newsCount > 0 && !signal.aborted);
    return 'reported';
  }

  async #send(ids: readonly string[], signal: AbortSignal): Promise<Outcome> {
    const { sessions, log } = this.#deps;
    const described = ids.map((id) => sessions.describe(id)).filter((each) => each !== undefined);
    const body = { gateway_id: this.#gatewayId, sessions: described };
    try {
      const { status } = await this.#client.request({ method: 'POST', path: PATH, body, signal });
      if (status === 404) return 'unknown';
      if (status === 400) log.warn('a report of sessions was refused, and is not repeated');
      return status < 300 || status === 400 ? 'reported' : 'failed';
    } catch {
      return 'failed';
    }
  }

  #announce(outcome: Outcome): void {
    const { log } = this.#deps;
    if (outcome === 'unknown') log.info('the verifier keeps no list of who is connected');
    else if (outcome === 'failed') log.warn('who is connected cannot be reported at the moment');
    else log.info('who is connected is reported again');
  }
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
