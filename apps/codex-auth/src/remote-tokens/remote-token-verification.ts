import type { Queryable } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import { parseRemoteToken, type RemoteTokenParts } from '@codex-gateways/tokens';
import { LookupBatch } from '../lookup-batch.ts';
import { ComparisonCache } from './comparison-cache.ts';
import { findVerificationSubjects, touchRemoteToken, type VerificationSubject } from './remote-token-store.ts';
import type { SecretHasher } from './secret-hasher.ts';

/** `reason` is for logs alone. */
export type VerificationOutcome =
  | { readonly ok: true; readonly userId: string; readonly workspaceId: string }
  | { readonly ok: false; readonly reason: string };

export interface RemoteTokenVerificationDeps {
  readonly db: Queryable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hasher: Pick<SecretHasher, 'verify'>;
  /**
   * Compares for unknown ids. They have bounds of their own, so that whoever sends made-up tokens, which is all that a
   * stranger can do, does not keep the owners of real ones waiting.
   */
  readonly decoyHasher: Pick<SecretHasher, 'verify' | 'decoyHash'>;
  readonly cacheLifetimeSeconds?: number;
  readonly cacheEntries?: number;
}

const CACHE_LIFETIME_SECONDS = 30;
const CACHE_ENTRIES = 10_000;
const TOUCH_INTERVAL_MS = 60_000;

/**
 * Says who a remote token speaks for and in which workspace.
 *
 * Each verification reads the token's row, its user and the membership, in one round trip: so a revocation counts at once, on
 * every replica, with no message to send or to miss. Verifications that come together share the round trip. What is remembered for 30 s is only that this secret
 * matches this hash, which stays true; it spares the bcrypt when a client opens connection after connection. A token
 * that matches nothing is remembered as such, so repeating it does not cost a bcrypt either.
 *
 * Whatever the reason for a refusal, the same work is done: an unknown id is compared with a hash that is nobody's.
 */
export class RemoteTokenVerification {
  readonly #deps: RemoteTokenVerificationDeps;
  readonly #cache: ComparisonCache;
  readonly #lookups: LookupBatch<string, VerificationSubject>;

  constructor(deps: RemoteTokenVerificationDeps) {
    this.#deps = deps;
    this.#cache = new ComparisonCache({
      lifetimeMs: (deps.cacheLifetimeSeconds ?? CACHE_LIFETIME_SECONDS) * 1000,
      maxEntries: deps.cacheEntries ?? CACHE_ENTRIES,
      nowMs: () => deps.clock.now().getTime(),
    });
    this.#lookups = new LookupBatch((ids) => findVerificationSubjects(deps.db, { ids, now: deps.clock.now() }));
  }

  /** @throws {HttpError} 503 when too many other tokens are being compared; the caller may try again */
  async verify(token: string): Promise<VerificationOutcome> {
    const parts = parseRemoteToken(token);
    if (!parts) return { ok: false, reason: 'malformed' };
    const { id } = parts;
    const now = this.#deps.clock.now();
    const subject = await this.#lookups.find(id);
    const matches = await this.#matches(parts, subject?.secretHash);
    if (!subject) return { ok: false, reason: 'unknown' };
    if (!matches) return { ok: false, reason: 'wrong_secret' };
    if (subject.refusal) return { ok: false, reason: subject.refusal };
    if (now.getTime() - (subject.lastUsedAt?.getTime() ?? 0) > TOUCH_INTERVAL_MS) this.#touch(id, now);
    return { ok: true, userId: subject.userId, workspaceId: subject.workspaceId };
  }

  #matches({ id, secret }: RemoteTokenParts, knownHash: string | undefined): Promise<boolean> {
    const { hasher, decoyHasher } = this.#deps;
    const [lane, secretHash] = knownHash === undefined ? [decoyHasher, decoyHasher.decoyHash] : [hasher, knownHash];
    // With the id in it: unknown ids share a hash, and a secret tried with two of them must cost two comparisons, or the
    // time would tell that neither exists.
    return this.#cache.recall(`${id} ${secret}`, secretHash, () => lane.verify(secret, secretHash));
  }

  // Not waited for: when a token was used last is good to know, and no reason to be slow or to fail.
  #touch(id: string, now: Date): void {
    const { db, log } = this.#deps;
    touchRemoteToken(db, { id, now }).catch((error: unknown) => {
      log.warn({ err: error }, 'the use of a remote token could not be noted');
    });
  }
}
