import type { Queryable } from '@codex-gateways/database';
import {
  type AppGatewayIdentity,
  type AppServerHome,
  acquireHome,
  deleteAppGateway,
  type HeldWorkspace,
  releaseHome,
  renewHomes,
} from './app-server-homes-store.ts';

/** Which app-gateway has the app-server of each workspace. The app-gateways have no database; this is theirs. */
export class AppServerHomes {
  readonly #db: Queryable;

  constructor({ db }: { db: Queryable }) {
    this.#db = db;
  }

  /** Who has the workspace now: the asker, unless another one has or had it and is alive. */
  async acquire(
    asker: AppGatewayIdentity & { workspaceId: string; leaseSeconds: number; takeOver: boolean },
  ): Promise<AppServerHome & { isMine: boolean }> {
    const home = await acquireHome(this.#db, asker);
    return { ...home, isMine: home.gatewayName === asker.gatewayName };
  }

  /** @returns the workspaces that the gateway has lost to another one */
  async renew(
    gateway: AppGatewayIdentity & { leaseSeconds: number; held: readonly HeldWorkspace[] },
  ): Promise<string[]> {
    const kept = new Set(await renewHomes(this.#db, gateway));
    return gateway.held.map(({ workspaceId }) => workspaceId).filter((workspaceId) => !kept.has(workspaceId));
  }

  async release(held: HeldWorkspace & { gatewayName: string }): Promise<void> {
    await releaseHome(this.#db, held);
  }

  async forget(gatewayName: string): Promise<void> {
    await deleteAppGateway(this.#db, gatewayName);
  }
}
