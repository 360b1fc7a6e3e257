import type { GuardContext } from '../guard/parameter-rules.ts';

/** What an app-server calls the one executor that it was configured with (docs/protocol.md). */
export const REMOTE_ENVIRONMENT_ID = 'remote';

/** Where a client's frames go: a Codex app-server that is ready. */
export interface AppServer extends GuardContext {
  /** `ws://…`, dialled once for each client. */
  readonly url: string;
  /** Sent with each dial; holds a secret that only this service and the app-server know. */
  readonly headers: Readonly<Record<string, string>>;
  /** Settles when the app-server has ended, with how, in words. Absent for one that is not ours to know of. */
  readonly ended?: Promise<string>;
}

/** One client's hold on an app-server: as long as anybody holds it, it is not stopped for being idle. */
export interface AppServerLease {
  readonly appServer: AppServer;
  /** Tells that a turn began or ended, so that restarts can wait for a moment when none is running. */
  turnStarted(turnId: string): void;
  turnEnded(turnId: string): void;
  /** Calls back when the app-server is about to be stopped, with the reason, so that its client can be told in time. */
  onStopping(listener: (reason: string) => void): void;
  /** Calls back with what the person at the client should know of, such as an executor that cannot be reached. */
  onNotice(listener: (message: string) => void): void;
  /** Tells that it does not answer: it is looked at, and stopped if it hangs. */
  suspect(): void;
  /**
   * Safe to call twice.
   * @param accessEnded - the client had to leave since its token is no longer good: when it was the last, the app-server ends, and
   * its turn with it
   */
  release(options?: { readonly accessEnded: boolean }): void;
}

/** For whom an app-server is wanted. */
export interface AppServerCaller {
  readonly workspaceId: string;
  readonly userId?: string;
  /** The gateway that had the workspace last could not be reached. */
  readonly takeOver?: boolean;
}

/** Gives out app-servers: one of our own for each workspace, or an existing one for all. */
export interface AppServerSource {
  /** A hold on the app-server that `acquire` would give without having to wait or ask for anything; undefined if there is none. */
  acquireNow(workspaceId: string): AppServerLease | undefined;
  /**
   * @throws {AppServerUnavailableError} whose message the client reads
   * @throws {AppServerElsewhereError} when another gateway has the workspace
   * @throws {ServiceUnavailableError} when a service that must be asked first does not answer
   */
  acquire(caller: AppServerCaller): Promise<AppServerLease>;
  /** Rejects when `acquire` could not work now. */
  checkReady(): Promise<void>;
  close(): Promise<void>;
}

/** No app-server for this client now; the message says why, in words for the person who connects. */
export class AppServerUnavailableError extends Error {
  override readonly name = 'AppServerUnavailableError';
  readonly retryAfterSeconds: number;
  constructor(message: string, { retryAfterSeconds = 5, cause }: { retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The gateway that has the app-server of a workspace. */
export interface AppServerHome {
  readonly name: string;
  /** `http(s)://…`, where other gateways reach it. */
  readonly url: string;
}

/** The workspace's app-server belongs to another gateway. */
export class AppServerElsewhereError extends Error {
  override readonly name = 'AppServerElsewhereError';
  readonly home: AppServerHome;
  constructor(home: AppServerHome) {
    super('another gateway has the app-server of this workspace');
    this.home = home;
  }
}
