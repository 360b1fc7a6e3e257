import type { Logger } from '@codex-gateways/service';
import { AppServerElsewhereError } from '../app-server/app-server.ts';
import type { HomeRecord } from './home-record.ts';

/** Which workspaces' app-servers may run at this gateway. */
export interface Homes {
  /**
   * Settles when this gateway may start the workspace's app-server; it then has the workspace until `release`.
   * @param takeOver - the gateway that had it last could not be reached
   * @throws {AppServerElsewhereError} when another gateway has it
   * @throws {ServiceUnavailableError} when nobody can tell
   */
  claim(workspaceId: string, takeOver: boolean): Promise<void>;
  /** The app-server has ended. */
  release(workspaceId: string): void;
}

/** Of a gateway without replicas. */
export const SOLE_HOME: Homes = { claim: async () => undefined, release: () => undefined };

export interface LeasedHomesDeps {
  readonly record: Pick<HomeRecord, 'acquire' | 'renew' | 'release' | 'forget'>;
  readonly renewalMs: number;
  /** Another gateway has the workspace: its app-server here must stop. */
  readonly onLost: (workspaceId: string) => void;
  readonly log: Logger;
}

/**
 * The homes of one of several gateways: leases on record at the exec-gateway, prolonged again and again. While the record cannot
 * be reached nobody else can take anything over either, so what runs goes on; what was lost meanwhile is known with the next
 * renewal that succeeds.
 */
export class LeasedHomes implements Homes {
  readonly #deps: LeasedHomesDeps;
  /** Epochs by workspace. */
  readonly #held = new Map<string, number>();
  readonly #releases = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;
  #isAway = false;
  #isClosed = false;

  constructor(deps: LeasedHomesDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Announces this gateway; the record may be away. */
  async start(): Promise<void> {
    await this.#renew();
    this.#renewLater();
  }

  async claim(workspaceId: string, takeOver: boolean): Promise<void> {
    await this.#releases.get(workspaceId); // what comes late would end the new lease
    const claim = await this.#deps.record.acquire(workspaceId, takeOver);
    if (claim.kind === 'elsewhere') throw new AppServerElsewhereError(claim.home);
    this.#held.set(workspaceId, claim.epoch);
  }

  release(workspaceId: string): void {
    const epoch = this.#held.get(workspaceId);
    if (epoch === undefined) return;
    this.#held.delete(workspaceId);
    const released = this.#deps.record
      .release(workspaceId, epoch)
      .catch(() => undefined) // the lease runs out by itself
      .finally(() => this.#releases.delete(workspaceId));
    this.#releases.set(workspaceId, released);
  }

  /** Gives everything back, so that others need not wait for the leases to run out. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#renewal; // it would announce this gateway again
    await Promise.all(this.#releases.values());
    await this.#deps.record.forget().catch((error: unknown) => {
      this.#deps.log.warn({ err: error }, 'the leases on app-servers run out by themselves');
    });
  }

  #renewLater(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#renewal = this.#renew().finally(() => this.#renewLater());
    }, this.#deps.renewalMs).unref();
  }

  async #renew(): Promise<void> {
    const asked = new Map(this.#held);
    try {
      const lost = await this.#deps.record.renew(asked);
      for (const workspaceId of lost) this.#lose(workspaceId, asked.get(workspaceId));
      if (this.#isAway) this.#deps.log.info('the leases on app-servers are renewed again');
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) this.#deps.log.warn({ err: error }, 'the leases on app-servers could not be renewed');
      this.#isAway = true;
    }
  }

  #lose(workspaceId: string, epoch: number | undefined): void {
    if (epoch === undefined || this.#held.get(workspaceId) !== epoch) return;
    this.#held.delete(workspaceId);
    this.#deps.log.warn({ workspace_id: workspaceId, epoch }, 'another gateway has taken a workspace over');
    this.#deps.onLost(workspaceId);
  }
}
