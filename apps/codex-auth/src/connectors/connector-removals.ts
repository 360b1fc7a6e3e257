import type { Queryable } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import type { AgentIdentities } from '../agent-identity/agent-identities.ts';
import { claimDueRemovals, type DueRemoval, deleteRemovedConnectors, finishRemoval } from './connector-store.ts';
import type { ExecGateway } from './exec-gateway.ts';
import { beginRemovalsOf } from './user-connector-store.ts';

export interface ConnectorRemovalsDeps {
  readonly db: Queryable;
  readonly identities: Pick<AgentIdentities, 'revoke'>;
  readonly execGateway: Pick<ExecGateway, 'remove'>;
  readonly log: Logger;
  /** Between two looks at what is due. */
  readonly intervalMs: number;
}

const BATCH = 20;

/**
 * Undoes connectors at exec-gateway: those that people removed, those whose making failed half-way, and those that a process
 * was making when it died. Each is on record in the database until it is done, and whichever replica is up goes on trying.
 */
export class ConnectorRemovals {
  readonly #deps: ConnectorRemovalsDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: ConnectorRemovalsDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), this.#deps.intervalMs).unref();
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /**
   * Puts the removal of all connectors of a user on record, in one workspace or in all of them; `wake` after the commit.
   * @returns their ids
   */
  beginAllOf({ userId, workspaceId }: { userId: string; workspaceId?: string }, tx: Queryable): Promise<string[]> {
    return beginRemovalsOf(tx, { userId, workspaceId });
  }

  /** Looks at what is due now rather than at the next interval; not waited for. */
  wake(): void {
    this.#running = this.#running.then(() => this.#sweepQuietly());
  }

  /** Attempts one removal that is on record. @returns whether nothing is left of the connector */
  async attempt(removal: DueRemoval): Promise<boolean> {
    const { db, identities, execGateway, log } = this.#deps;
    try {
      await identities.revoke({ agentRuntimeId: removal.exeId });
      await execGateway.remove(removal);
      await finishRemoval(db, removal.exeId);
      return true;
    } catch (error) {
      log.warn({ err: error, exe_id: removal.exeId }, 'a connector could not be removed yet; it stays on record');
      return false;
    }
  }

  /** Attempts every removal that is due. @returns how many are done */
  async sweep(): Promise<number> {
    let done = 0;
    for (;;) {
      const due = await claimDueRemovals(this.#deps.db, { limit: BATCH });
      for (const removal of due) {
        if (await this.attempt(removal)) done += 1;
      }
      if (due.length < BATCH) return done;
    }
  }

  /** Forgets connectors that were removed long ago. @returns how many, at most `maxRows` */
  deleteOld(maxRows: number): Promise<number> {
    return deleteRemovedConnectors(this.#deps.db, maxRows);
  }

  async #sweepQuietly(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'looking for connectors to remove failed');
    }
  }
}
