import type { Turn } from '../turns/turns.ts';
import type { AppServer, AppServerLease } from './app-server.ts';
import type { LaunchedAppServer } from './launch-app-server.ts';
import { isReady } from './readiness.ts';

/** Renewal begins when this part of the token's life is over, so that there is time to find a quiet moment. */
const RENEW_AFTER_FRACTION = 0.9;

export interface RunningAppServerOptions {
  readonly launched: LaunchedAppServer;
  /** Absent when the app-server has no executor, and so no token that could expire. */
  readonly turn: Turn | undefined;
  /** What is left of the life of its token. */
  readonly capabilityRemainingMs: number;
  readonly idleShutdownMs: number;
  /** For an answer, when it is suspected to hang. */
  readonly probeTimeoutMs: number;
}

/**
 * One app-server of ours while it runs: who holds it, whether it works, and when it must go. A token in the environment
 * of a process cannot be exchanged, so an app-server lives no longer than its token: it is stopped between turns when the
 * token nears its end, and in any case at the end.
 */
export class RunningAppServer {
  readonly #options: RunningAppServerOptions;
  readonly #leases = new Map<symbol, (reason: string) => void>();
  readonly #activeTurnIds = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #view: AppServer;
  readonly startedAtMs = performance.now();
  #idleTimer: NodeJS.Timeout | undefined;
  #isRenewalDue = false;
  #stopReason: string | undefined;
  #hasEnded = false;
  #isSuspected = false;

  constructor(options: RunningAppServerOptions) {
    this.#options = options;
    const { launched } = options;
    this.#view = {
      url: launched.url,
      headers: launched.headers,
      codexHome: launched.codexHome,
      environmentIds: launched.environmentIds,
      modelProvider: launched.modelProvider,
      ended: launched.ended,
    };
    void launched.ended.then(() => this.#end());
    this.#armIdleTimer();
    if (options.turn) this.#armRenewal(options.capabilityRemainingMs);
  }

  /** Settles when it has ended, with the reason in words, and whether that was our doing. */
  get ended(): Promise<{ words: string; wasStopped: boolean }> {
    const wasStopped = () => this.#stopReason !== undefined;
    return this.#options.launched.ended.then((how) => ({ words: this.#stopReason ?? how, wasStopped: wasStopped() }));
  }

  get turn(): Turn | undefined {
    return this.#options.turn;
  }

  get groupId(): number {
    return this.#options.launched.groupId;
  }

  get clientCount(): number {
    return this.#leases.size;
  }

  /** Whether a new client may still be given to it. One that waits for a quiet moment to go is given out until then. */
  get isUsable(): boolean {
    return !this.#hasEnded && this.#stopReason === undefined;
  }

  lease(): AppServerLease {
    const id = Symbol('lease');
    this.#leases.set(id, () => undefined);
    clearTimeout(this.#idleTimer);
    return {
      appServer: this.#view,
      turnStarted: (turnId) => this.#activeTurnIds.add(turnId),
      turnEnded: (turnId) => {
        this.#activeTurnIds.delete(turnId);
        this.#renewIfQuiet();
      },
      onStopping: (listener) => {
        this.#leases.set(id, listener);
        if (this.#stopReason !== undefined) listener(this.#stopReason);
      },
      suspect: () => void this.#stopIfHanging(),
      release: () => this.#release(id),
    };
  }

  /** @param reason - what its clients are told, before the process hears of it. Settles when it has ended; safe to call twice. */
  async stop(reason: string): Promise<void> {
    if (this.#stopReason === undefined) {
      this.#stopReason = reason;
      for (const tell of [...this.#leases.values()]) tell(reason);
    }
    await this.#options.launched.stop();
  }

  async #stopIfHanging(): Promise<void> {
    const { launched, probeTimeoutMs } = this.#options;
    if (this.#isSuspected || !this.isUsable) return;
    this.#isSuspected = true;
    const isAnswering = await isReady(launched.url, AbortSignal.timeout(probeTimeoutMs));
    this.#isSuspected = false;
    if (!isAnswering) await this.stop('the app-server did not answer any more; connect again');
  }

  #release(id: symbol): void {
    if (!this.#leases.delete(id) || this.#leases.size > 0) return;
    this.#activeTurnIds.clear(); // nobody is left who would hear of their end
    this.#renewIfQuiet();
    this.#armIdleTimer();
  }

  #armIdleTimer(): void {
    if (this.#hasEnded) return;
    this.#idleTimer = setTimeout(() => void this.stop('the app-server was idle'), this.#options.idleShutdownMs).unref();
  }

  #armRenewal(remainingMs: number): void {
    const begin = () => {
      this.#isRenewalDue = true;
      this.#renewIfQuiet();
    };
    const expire = () => void this.stop('the access of the app-server to its executor expired; connect again');
    this.#timers.push(setTimeout(begin, remainingMs * RENEW_AFTER_FRACTION).unref());
    this.#timers.push(setTimeout(expire, remainingMs).unref());
  }

  #renewIfQuiet(): void {
    if (!this.#isRenewalDue || this.#activeTurnIds.size > 0) return;
    void this.stop('the app-server restarts to renew its access to the executor; connect again');
  }

  #end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#idleTimer);
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
