import type { ExecutorAccess } from '../turns/executor-access.ts';
import type { AppServer, AppServerLease } from './app-server.ts';
import type { LaunchedAppServer } from './launch-app-server.ts';
import { isReady } from './readiness.ts';

export interface RunningAppServerOptions {
  readonly launched: LaunchedAppServer;
  /** Absent when the app-server has no executor. */
  readonly access: Pick<ExecutorAccess, 'exeId' | 'quiet' | 'admitted'> | undefined;
  /** What the app-server is working on; kept up to date here. */
  readonly activeTurnIds: Set<string>;
  readonly idleShutdownMs: number;
  /** For an answer, when it is suspected to hang. */
  readonly probeTimeoutMs: number;
}

/** One app-server of ours while it runs: who holds it, what it works on, whether it works, and when it must go. */
export class RunningAppServer {
  readonly #options: RunningAppServerOptions;
  readonly #leases = new Map<symbol, { stopping(reason: string): void; notice(message: string): void }>();
  readonly #activeTurnIds: Set<string>;
  readonly #view: AppServer;
  readonly startedAtMs = performance.now();
  #idleTimer: NodeJS.Timeout | undefined;
  #restartReason: string | undefined;
  #lastNotice = '';
  #stopReason: string | undefined;
  #hasEnded = false;
  #isSuspected = false;

  constructor(options: RunningAppServerOptions) {
    this.#options = options;
    this.#activeTurnIds = options.activeTurnIds;
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
  }

  /** Settles when it has ended, with the reason in words, and whether that was our doing. */
  get ended(): Promise<{ words: string; wasStopped: boolean }> {
    const wasStopped = () => this.#stopReason !== undefined;
    return this.#options.launched.ended.then((how) => ({ words: this.#stopReason ?? how, wasStopped: wasStopped() }));
  }

  /** The executor that it has. */
  get exeId(): string | undefined {
    return this.#options.access?.exeId;
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

  /** For a client that was just verified. */
  lease(): AppServerLease {
    this.#options.access?.admitted();
    const id = Symbol('lease');
    const listeners = { stopping: (_reason: string) => {}, notice: (_message: string) => {} };
    this.#leases.set(id, listeners);
    clearTimeout(this.#idleTimer);
    return {
      appServer: this.#view,
      turnStarted: (turnId) => this.#activeTurnIds.add(turnId),
      turnEnded: (turnId) => {
        this.#activeTurnIds.delete(turnId);
        this.#ifQuiet();
      },
      onStopping: (listener) => {
        listeners.stopping = listener;
        if (this.#stopReason !== undefined) listener(this.#stopReason);
      },
      onNotice: (listener) => {
        listeners.notice = listener;
      },
      suspect: () => void this.#stopIfHanging(),
      release: ({ accessEnded } = { accessEnded: false }) => this.#release(id, accessEnded),
    };
  }

  /** @param reason - what its clients are told, before the process hears of it. Settles when it has ended; safe to call twice. */
  async stop(reason: string): Promise<void> {
    if (this.#stopReason === undefined) {
      this.#stopReason = reason;
      for (const listeners of [...this.#leases.values()]) listeners.stopping(reason);
    }
    await this.#options.launched.stop();
  }

  /**
   * Stops it as soon as it works on nothing, so that another one can take its place.
   * @param reason - what its clients are told; undefined when it may stay after all
   */
  restart(reason: string | undefined): void {
    this.#restartReason = reason;
    this.#ifQuiet();
  }

  /** Tells its clients something; the same thing once for the same turns. */
  notify(message: string): void {
    const notice = [message, ...this.#activeTurnIds].join(' ');
    if (notice === this.#lastNotice) return;
    this.#lastNotice = notice;
    for (const listeners of [...this.#leases.values()]) listeners.notice(message);
  }

  async #stopIfHanging(): Promise<void> {
    const { launched, probeTimeoutMs } = this.#options;
    if (this.#isSuspected || !this.isUsable) return;
    this.#isSuspected = true;
    const isAnswering = await isReady(launched.url, AbortSignal.timeout(probeTimeoutMs));
    this.#isSuspected = false;
    if (!isAnswering) await this.stop('the app-server did not answer any more; connect again');
  }

  #release(id: symbol, accessEnded: boolean): void {
    if (!this.#leases.delete(id) || this.#leases.size > 0) return;
    this.#activeTurnIds.clear(); // nobody is left who would hear of their end
    if (accessEnded) return void this.stop('the access of its last client has ended');
    this.#ifQuiet();
    this.#armIdleTimer();
  }

  #armIdleTimer(): void {
    if (this.#hasEnded) return;
    this.#idleTimer = setTimeout(() => void this.stop('the app-server was idle'), this.#options.idleShutdownMs).unref();
  }

  #ifQuiet(): void {
    if (this.#activeTurnIds.size > 0 || !this.isUsable) return;
    this.#options.access?.quiet();
    if (this.#restartReason !== undefined) void this.stop(this.#restartReason);
  }

  #end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#idleTimer);
  }
}
