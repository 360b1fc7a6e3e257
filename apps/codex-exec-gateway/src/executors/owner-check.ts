import type { Queryable } from '@codex-gateways/database';
import { type InternalClient, type Logger, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';
import { listConnectedOwners } from './connected-owners-store.ts';
import type { Executors } from './executors.ts';

/** Which of some users may still act; asked with the internal secret alone. */
export const ACTIVE_USERS_PATH = '/internal/codex-auth/users/active';
/** What codex-auth takes in one question. */
const MAX_USERS = 1000;
/** Each pause is up to this part shorter or longer, so that replicas do not ask together. */
const JITTER = 0.2;

const activeSchema = z.object({ active: z.array(z.string()) });

export interface OwnerCheckDeps {
  readonly db: Queryable;
  readonly replicaId: string;
  readonly agentserver: Pick<InternalClient, 'request'>;
  readonly executors: Pick<Executors, 'disconnect'>;
  readonly log: Logger;
}

/**
 * Asks codex-auth from time to time which owners of the executors connected here may still act, and disconnects those of the others:
 * whoever was disabled while codex-auth could not reach this service. Nobody is disconnected without a clear answer.
 */
export class OwnerCheck {
  readonly #deps: OwnerCheckDeps;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;
  /** What was said about the last failure, so that it is said once. */
  #trouble: string | undefined;

  constructor(deps: OwnerCheckDeps) {
    this.#deps = deps;
  }

  start(intervalMs: number): void {
    const pauseMs = intervalMs * (1 - JITTER + 2 * JITTER * Math.random());
    this.#timer = setTimeout(() => {
      this.#running = this.check().finally(() => {
        if (!this.#isClosed) this.start(intervalMs);
      });
    }, pauseMs);
    this.#timer.unref();
  }

  /** Asks once about every owner. Never throws. */
  async check(): Promise<void> {
    const { db, replicaId } = this.#deps;
    try {
      let after: string | undefined;
      for (;;) {
        const owners = await listConnectedOwners(db, { replicaId, after, limit: MAX_USERS });
        if (owners.length > 0 && !(await this.#checkBatch(owners))) return;
        if (owners.length < MAX_USERS || this.#isClosed) break;
        after = owners.at(-1);
      }
      this.#trouble = undefined;
    } catch (error) {
      const words = 'the owners of connected executors could not be checked; all stay connected';
      if (this.#isNews(words)) this.#deps.log.warn({ err: error }, words);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** @returns false when the server does not have that question */
  async #checkBatch(owners: readonly string[]): Promise<boolean> {
    const { agentserver, executors, log } = this.#deps;
    const answer = await agentserver.request({ method: 'POST', path: ACTIVE_USERS_PATH, body: { user_ids: owners } });
    if (answer.status === 404) {
      const words = `${ACTIVE_USERS_PATH} is not there: executors of users who are disabled while this service cannot be reached stay connected`;
      if (this.#isNews(words)) log.info(words);
      return false;
    }
    const parsed = activeSchema.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) {
      throw new ServiceUnavailableError(`${ACTIVE_USERS_PATH} answered ${answer.status} without a usable body`);
    }
    const active = new Set(parsed.data.active);
    for (const ownerUserId of owners) {
      if (active.has(ownerUserId)) continue;
      await executors.disconnect({ ownerUserId }, { userId: undefined, requestId: 'owner-check' });
      log.info({ user_id: ownerUserId }, 'the owner may not act any more; disconnected the executors');
    }
    return true;
  }

  #isNews(words: string): boolean {
    const isNews = this.#trouble !== words;
    this.#trouble = words;
    return isNews;
  }
}
