import { randomUUID } from 'node:crypto';
import type { Sealer } from '@codex-gateways/crypto';
import type { Pool, Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { UpstreamTokens } from './upstream-provider.ts';
import { openTokenSet, sealTokenSet, type TokenSet } from './upstream-token-sealing.ts';
import {
  deleteTokens,
  insertTokens,
  listLiveTokens,
  lockTokens,
  replaceTokens,
  type SealedTokens,
} from './upstream-token-store.ts';

/** The tokens of one sign-in at a provider. */
export interface StoredTokens extends TokenSet {
  readonly id: string;
  /** Of the access token; undefined when the provider did not say. */
  readonly expiresAt: Date | undefined;
}

export interface UpstreamTokenStorageDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly sealer: Sealer;
  readonly sessionIdleSeconds: number;
}

/** Sign-ins of one person that are looked through. */
const MAX_SETS = 10;

/**
 * What providers issued for their own APIs, sealed at rest. A set belongs to the session that the sign-in opened, and goes with
 * it: signing out, disabling the user, and the end of the session take it away.
 */
export class UpstreamTokenStorage {
  readonly #deps: UpstreamTokenStorageDeps;

  constructor(deps: UpstreamTokenStorageDeps) {
    this.#deps = deps;
  }

  /** Keeps what a sign-in brought, in the transaction that opens its session. */
  async put(
    tx: Queryable,
    {
      tokens,
      sessionDigest,
      ...owner
    }: Pick<TokenSet, 'userId' | 'provider' | 'authority' | 'subject'> & {
      tokens: UpstreamTokens;
      sessionDigest: Buffer;
    },
  ): Promise<void> {
    const id = randomUUID();
    const sealed = sealTokenSet(this.#deps.sealer, id, { ...owner, ...tokens });
    const { expiresAt } = tokens;
    await insertTokens(tx, { id, ...owner, sessionDigest, sealed, expiresAt, createdAt: this.#deps.clock.now() });
  }

  /** A user's sets at a provider, of live sessions, the newest first. */
  async listLive(user: { userId: string; provider: string }): Promise<readonly StoredTokens[]> {
    const { pool, clock, sessionIdleSeconds } = this.#deps;
    const now = clock.now();
    const idleSince = new Date(now.getTime() - sessionIdleSeconds * 1000);
    const rows = await listLiveTokens(pool, { ...user, now, idleSince, limit: MAX_SETS });
    return rows.map((row) => this.#open(row));
  }

  /** Holds one set until the end of the transaction; undefined when its session has ended. */
  async lock(tx: Queryable, id: string): Promise<StoredTokens | undefined> {
    const row = await lockTokens(tx, id);
    return row && this.#open(row);
  }

  /** Keeps what a refresh brought. A refresh token that did not come back stays (RFC 6749 §6), and so does an ID token. */
  async replace(tx: Queryable, stored: StoredTokens, fresh: UpstreamTokens): Promise<StoredTokens> {
    const next = {
      ...stored,
      accessToken: fresh.accessToken,
      refreshToken: fresh.refreshToken ?? stored.refreshToken,
      idToken: fresh.idToken ?? stored.idToken,
      expiresAt: fresh.expiresAt,
    };
    const { id, expiresAt } = next;
    const sealed = sealTokenSet(this.#deps.sealer, id, next);
    await replaceTokens(tx, { id, sealed, expiresAt, now: this.#deps.clock.now() });
    return next;
  }

  async forget(tx: Queryable, id: string): Promise<void> {
    await deleteTokens(tx, id);
  }

  #open(row: SealedTokens): StoredTokens {
    return { ...openTokenSet(this.#deps.sealer, row), id: row.id, expiresAt: row.expiresAt };
  }
}
