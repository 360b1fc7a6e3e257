import {
  type AppServerCaller,
  type AppServerLease,
  type AppServerSource,
  AppServerUnavailableError,
} from './app-server.ts';
import { isProgram } from './codex-binary.ts';
import { WorkspaceAppServer, type WorkspaceAppServerDeps } from './workspace-app-server.ts';

export type AppServerPoolDeps = Omit<WorkspaceAppServerDeps, 'closing' | 'takeSlot' | 'freeSlot'>;

/** One app-server of our own for each workspace with clients, up to a fixed number of them. */
export class AppServerPool implements AppServerSource {
  readonly #deps: AppServerPoolDeps;
  readonly #workspaces = new Map<string, WorkspaceAppServer>();
  /** Those that have an app-server, or are starting one. */
  readonly #slots = new Set<WorkspaceAppServer>();
  readonly #closing = new AbortController();

  constructor(deps: AppServerPoolDeps) {
    this.#deps = deps;
  }

  /** App-servers that run or are starting. */
  get size(): number {
    return this.#slots.size;
  }

  acquireNow(workspaceId: string): AppServerLease | undefined {
    return this.#closing.signal.aborted ? undefined : this.#workspaces.get(workspaceId)?.acquireNow();
  }

  async acquire(caller: AppServerCaller): Promise<AppServerLease> {
    this.#assertOpen();
    return this.#workspaceOf(caller.workspaceId).acquire(caller);
  }

  /** @param reason - what the clients of the workspace's app-server, if there is one, are told */
  async stop(workspaceId: string, reason: string): Promise<void> {
    await this.#workspaces.get(workspaceId)?.stop(reason);
  }

  async checkReady(): Promise<void> {
    if (!(await isProgram(this.#deps.program))) throw new Error('the Codex CLI is gone');
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const reason = 'the gateway is shutting down';
    await Promise.all([...this.#workspaces.values()].map((workspace) => workspace.stop(reason)));
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new AppServerUnavailableError('this gateway is shutting down');
  }

  #workspaceOf(workspaceId: string): WorkspaceAppServer {
    const known = this.#workspaces.get(workspaceId);
    if (known) return known;
    const workspace: WorkspaceAppServer = new WorkspaceAppServer(workspaceId, {
      ...this.#deps,
      closing: this.#closing.signal,
      takeSlot: () => this.#takeSlot(workspace),
      freeSlot: () => this.#slots.delete(workspace),
    });
    this.#workspaces.set(workspaceId, workspace);
    return workspace;
  }

  /** Makes room by stopping an app-server that has no client, if there must be room. */
  async #takeSlot(workspace: WorkspaceAppServer): Promise<void> {
    const { maxAppServers } = this.#deps.config;
    while (this.#slots.size >= maxAppServers) {
      // Asking and stopping is one step: nobody can take a client on between the two.
      const idle = [...this.#slots].find((candidate) => candidate.isIdle);
      if (!idle) {
        throw new AppServerUnavailableError(`all ${maxAppServers} app-servers of this gateway are in use`, {
          retryAfterSeconds: 30,
        });
      }
      await idle.stop('another workspace needed the place of this app-server, which was idle');
    }
    this.#assertOpen();
    this.#slots.add(workspace);
  }
}
