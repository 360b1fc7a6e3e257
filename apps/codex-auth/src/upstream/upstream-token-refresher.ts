import { type Pool, transaction } from '@codex-gateways/database';
import { type Clock, HttpError, type Logger } from '@codex-gateways/service';
import { BoundedWork } from '../bounded-work.ts';
import { UpstreamError } from './upstream-error.ts';
import type { UpstreamProvider } from './upstream-provider.ts';
import type { StoredTokens, UpstreamTokenStorage } from './upstream-token-storage.ts';
import { authorityOf } from './upstream-users.ts';

/** An access token for the API of a provider. */
export interface FreshUpstreamToken {
  readonly accessToken: string;
  /** Undefined when the provider did not say. */
  readonly expiresAt: Date | undefined;
}

export interface UpstreamTokenRefresherDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly storage: UpstreamTokenStorage;
  readonly providers: ReadonlyMap<string, Pick<UpstreamProvider, 'upstream' | 'refresh'>>;
  /** Refreshes at once: each holds a database connection while the provider answers. */
  readonly maxConcurrent: number;
}

/** A token that ends sooner is refreshed: whoever asks for it is about to use it. */
const MIN_REMAINING_MS = 60_000;
const MAX_WAITING = 500;

/**
 * Gives tokens that can be used, refreshing those that have expired: once, however many ask at once on however many replicas, since
 * many providers take a refresh token that is used twice for stolen. Calls of one replica share one refresh; replicas wait for each
 * other at the row.
 */
export class UpstreamTokenRefresher {
  readonly #deps: UpstreamTokenRefresherDeps;
  readonly #work: BoundedWork;
  readonly #running = new Map<string, Promise<StoredTokens | undefined>>();

  constructor(deps: UpstreamTokenRefresherDeps) {
    this.#deps = deps;
    this.#work = new BoundedWork({ maxConcurrent: deps.maxConcurrent, maxWaiting: MAX_WAITING });
  }

  /**
   * @returns undefined when the user has no session from this provider whose tokens can still be used: then the person signs in again
   * @throws {HttpError} 503 when the provider cannot be asked now
   */
  async fresh(user: { userId: string; provider: string }): Promise<FreshUpstreamToken | undefined> {
    const provider = this.#deps.providers.get(user.provider);
    if (!provider) return undefined;
    const authority = authorityOf(provider.upstream);
    // Another provider of the same name is not shown what this one issued.
    const sets = (await this.#deps.storage.listLive(user)).filter((stored) => stored.authority === authority);
    const usable = await this.#firstUsable(sets, provider);
    return usable && { accessToken: usable.accessToken, expiresAt: usable.expiresAt };
  }

  async #firstUsable(
    sets: readonly StoredTokens[],
    provider: Pick<UpstreamProvider, 'refresh'>,
  ): Promise<StoredTokens | undefined> {
    try {
      for (const stored of sets) {
        const usable = await this.#usable(stored, provider);
        if (usable) return usable;
      }
      return undefined;
    } catch (error) {
      // Another session of the person may have one that needs no provider.
      const valid = sets.find((stored) => this.#remainingMs(stored) > 0);
      if (valid && error instanceof HttpError) return valid;
      throw error;
    }
  }

  async #usable(stored: StoredTokens, provider: Pick<UpstreamProvider, 'refresh'>): Promise<StoredTokens | undefined> {
    if (this.#remainingMs(stored) >= MIN_REMAINING_MS) return stored;
    try {
      const refreshed = await this.#shared(stored, provider);
      return refreshed && this.#remainingMs(refreshed) > 0 ? refreshed : undefined;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      this.#deps.log.warn({ provider: stored.provider, problem: error.problem, reason: error.message }, 'no refresh');
      if (this.#remainingMs(stored) > 0) return stored;
      throw unavailable(error);
    }
  }

  #shared(stored: StoredTokens, provider: Pick<UpstreamProvider, 'refresh'>): Promise<StoredTokens | undefined> {
    const running = this.#running.get(stored.id);
    if (running) return running;
    const started = this.#work
      .run(() => this.#refresh(stored, provider))
      .finally(() => this.#running.delete(stored.id));
    this.#running.set(stored.id, started);
    return started;
  }

  #refresh(seen: StoredTokens, provider: Pick<UpstreamProvider, 'refresh'>): Promise<StoredTokens | undefined> {
    const { pool, storage, log } = this.#deps;
    return transaction(pool, async (tx) => {
      const stored = await storage.lock(tx, seen.id);
      // Another replica has refreshed them while this one waited, or the session has ended.
      if (!stored || !isSame(stored, seen)) return stored;
      const { refreshToken, subject, id } = stored;
      if (refreshToken === undefined) return stored;
      try {
        return await storage.replace(tx, stored, await provider.refresh(refreshToken, subject));
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.problem !== 'invalid_grant') throw error;
        log.info({ provider: stored.provider, user_id: stored.userId }, 'the provider has ended a sign-in');
        await storage.forget(tx, id);
        return undefined;
      }
    });
  }

  #remainingMs({ expiresAt }: StoredTokens): number {
    return expiresAt ? expiresAt.getTime() - this.#deps.clock.now().getTime() : Number.POSITIVE_INFINITY;
  }
}

function isSame(left: StoredTokens, right: StoredTokens): boolean {
  return left.accessToken === right.accessToken && left.expiresAt?.getTime() === right.expiresAt?.getTime();
}

function unavailable(cause: UpstreamError): HttpError {
  return new HttpError(503, 'temporarily_unavailable', 'the identity provider gives no token now, try again', {
    reason: cause.message,
    headers: { 'Retry-After': '5' },
    cause,
  });
}
