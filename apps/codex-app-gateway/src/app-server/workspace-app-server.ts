import { type Logger, ServiceUnavailableError } from '@codex-gateways/service';
import type { LaunchConfig } from '../config.ts';
import type { ExecutorLink, ExecutorLinks } from '../registry/executor-links.ts';
import type { Homes } from '../replicas/homes.ts';
import { chooseExecutor, mustMove } from '../turns/choose-executor.ts';
import type { Turns } from '../turns/turns.ts';
import {
  type AppServerCaller,
  AppServerElsewhereError,
  type AppServerLease,
  AppServerUnavailableError,
} from './app-server.ts';
import { BackOff } from './back-off.ts';
import { type LaunchedAppServer, launchAppServer } from './launch-app-server.ts';
import { Mutex } from './mutex.ts';
import { RunningAppServer } from './running-app-server.ts';
import type { StateFolder } from './state-folder.ts';
import { prepareWorkspaceFolder } from './workspace-folder.ts';

/** Learns how starting app-servers goes. */
export interface AppServerObserver {
  started(durationMs: number): void;
  startFailed(): void;
  ended(wasStopped: boolean): void;
}

export interface WorkspaceAppServerDeps {
  /** The Codex CLI. */
  readonly program: string;
  /** `PATH` for app-servers. */
  readonly path: string;
  readonly config: LaunchConfig;
  readonly state: StateFolder;
  readonly turns: Pick<Turns, 'executors'>;
  readonly links: Pick<ExecutorLinks, 'open'>;
  readonly homes: Homes;
  readonly observer: AppServerObserver;
  readonly log: Logger;
  /** Aborts starts under way, when this service ends. */
  readonly closing: AbortSignal;
  /** @throws {AppServerUnavailableError} when there is no room for another app-server */
  takeSlot(): Promise<void>;
  freeSlot(): void;
}

const STALE = 'the workspace has another executor now; connect again';

/**
 * The app-server of one workspace through its lives: started by the first client, given to all, started afresh after it
 * ended. Whatever changes which process it is happens in one mutex, so any number of clients at once make one process.
 */
export class WorkspaceAppServer {
  readonly #workspaceId: string;
  readonly #deps: WorkspaceAppServerDeps;
  readonly #log: Logger;
  readonly #mutex = new Mutex();
  readonly #backOff = new BackOff();
  #running: RunningAppServer | undefined;
  #whenEnded: Promise<void> = Promise.resolve();

  constructor(workspaceId: string, deps: WorkspaceAppServerDeps) {
    this.#workspaceId = workspaceId;
    this.#deps = deps;
    this.#log = deps.log.child({ workspace_id: workspaceId });
  }

  /** Whether it runs for nobody and nobody is about to get it. */
  get isIdle(): boolean {
    return this.#running?.clientCount === 0 && !this.#mutex.isBusy;
  }

  /** When others use it already, so that nobody need be asked whether it is the right one. */
  acquireNow(): AppServerLease | undefined {
    const running = this.#running;
    return running?.isUsable && running.clientCount > 0 && !this.#mutex.isBusy ? running.lease() : undefined;
  }

  /**
   * @throws {AppServerUnavailableError} whose message the client reads
   * @throws {AppServerElsewhereError} when another gateway has the workspace
   */
  acquire(caller: AppServerCaller): Promise<AppServerLease> {
    return this.#mutex.run(async () => {
      if (this.#running && !(await this.#isStillRight(this.#running))) await this.#stop(STALE);
      const running = this.#running ?? (await this.#start(caller));
      return running.lease();
    });
  }

  /** @param reason - what its clients are told */
  stop(reason: string): Promise<void> {
    return this.#mutex.run(() => this.#stop(reason));
  }

  async #stop(reason: string): Promise<void> {
    await this.#running?.stop(reason);
    await this.#whenEnded;
  }

  /** While it has clients it stays what it is; without any, it must have the executor that a new one would have. */
  async #isStillRight(running: RunningAppServer): Promise<boolean> {
    if (!running.isUsable) return false;
    if (running.clientCount > 0) return true;
    try {
      return (await this.#chosenExecutor()) === running.exeId;
    } catch (error) {
      if (error instanceof ServiceUnavailableError) return true;
      throw error;
    }
  }

  async #start({ userId, takeOver = false }: AppServerCaller): Promise<RunningAppServer> {
    const waitMs = this.#backOff.remainingMs(performance.now());
    if (waitMs > 0) {
      throw new AppServerUnavailableError('the app-server of this workspace just ended; it is started again shortly', {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      });
    }
    await this.#claim(takeOver);
    try {
      await this.#deps.takeSlot();
    } catch (error) {
      this.#deps.homes.release(this.#workspaceId);
      throw error;
    }
    let link: ExecutorLink | undefined;
    try {
      link = await this.#openLink(userId);
      return this.#adopt(await this.#launch(link), link);
    } catch (error) {
      link?.close();
      this.#deps.freeSlot();
      this.#deps.homes.release(this.#workspaceId);
      throw this.#startFailure(error);
    }
  }

  async #claim(takeOver: boolean): Promise<void> {
    try {
      await this.#deps.homes.claim(this.#workspaceId, takeOver);
    } catch (error) {
      throw error instanceof AppServerElsewhereError ? error : this.#startFailure(error);
    }
  }

  async #chosenExecutor(): Promise<string | undefined> {
    return chooseExecutor(await this.#deps.turns.executors(this.#workspaceId))?.exeId;
  }

  async #openLink(userId: string | undefined): Promise<ExecutorLink | undefined> {
    const exeId = await this.#chosenExecutor();
    if (exeId === undefined) return undefined;
    const subject = { workspaceId: this.#workspaceId, ...(userId ? { userId } : {}), exeId };
    return this.#deps.links.open(subject, (message) => this.#running?.notify(message));
  }

  async #launch(link: ExecutorLink | undefined): Promise<LaunchedAppServer> {
    const { config, state, observer } = this.#deps;
    const startedAtMs = performance.now();
    const folder = await prepareWorkspaceFolder(config.stateDir, this.#workspaceId, config.account);
    let groupId: number | undefined;
    try {
      const launched = await launchAppServer({
        program: this.#deps.program,
        path: this.#deps.path,
        folder,
        model: config.model,
        network: config.network,
        account: config.account,
        umask: config.umask,
        execution: link?.execution ?? { kind: 'none' },
        startTimeoutMs: config.startTimeoutMs,
        stopTimeoutMs: config.stopTimeoutMs,
        signal: this.#deps.closing,
        onProcess: (id) => {
          groupId = id;
          return state.rememberGroup(id);
        },
      });
      const durationMs = performance.now() - startedAtMs;
      observer.started(durationMs);
      this.#log.info(
        { exe_id: link?.access.exeId, turn_id: link?.access.turnId, duration_ms: durationMs },
        'app-server started',
      );
      return launched;
    } catch (error) {
      if (groupId !== undefined) await state.forgetGroup(groupId);
      this.#backOff.failed(0, performance.now());
      throw error;
    }
  }

  #adopt(launched: LaunchedAppServer, link: ExecutorLink | undefined): RunningAppServer {
    const { config } = this.#deps;
    const running = new RunningAppServer({
      launched,
      access: link?.access,
      activeTurnIds: link?.activeTurnIds ?? new Set(),
      idleShutdownMs: config.idleShutdownMs,
      probeTimeoutMs: config.probeTimeoutMs,
    });
    this.#running = running;
    this.#whenEnded = this.#afterwards(running, link);
    this.#watchExecutors(running);
    return running;
  }

  /** An app-server cannot be told of another executor, so it has to give way to one that has it, between two turns. */
  #watchExecutors(running: RunningAppServer): void {
    const look = async () => {
      if (running.clientCount === 0) return; // its next client looks
      const executors = await this.#deps.turns.executors(this.#workspaceId).catch(() => undefined);
      if (executors) running.restart(mustMove(executors, running.exeId) ? STALE : undefined);
    };
    const timer = setInterval(() => void look(), this.#deps.config.executorCheckMs).unref();
    void running.ended.then(() => clearInterval(timer));
  }

  /** What must happen when an app-server has ended, for whatever reason. */
  async #afterwards(running: RunningAppServer, link: ExecutorLink | undefined): Promise<void> {
    const { words, wasStopped } = await running.ended;
    if (this.#running === running) this.#running = undefined;
    const nowMs = performance.now();
    if (!wasStopped) this.#backOff.failed(nowMs - running.startedAtMs, nowMs);
    link?.close();
    this.#deps.freeSlot();
    this.#deps.homes.release(this.#workspaceId);
    this.#deps.observer.ended(wasStopped);
    this.#log[wasStopped ? 'info' : 'warn']({ words }, 'app-server ended');
    await this.#deps.state
      .forgetGroup(running.groupId)
      .catch((error: unknown) => this.#log.error({ err: error }, 'a process record could not be removed'));
  }

  #startFailure(error: unknown): AppServerUnavailableError {
    this.#deps.observer.startFailed();
    if (error instanceof ServiceUnavailableError) {
      return new AppServerUnavailableError('the exec-gateway, which knows the executors, does not answer', {
        cause: error,
      });
    }
    this.#log.error({ err: error }, 'starting an app-server failed');
    if (error instanceof AppServerUnavailableError) return error;
    return new AppServerUnavailableError('the app-server could not be prepared', { cause: error });
  }
}
