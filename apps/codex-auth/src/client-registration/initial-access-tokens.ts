import { randomUUID } from 'node:crypto';
import { randomToken, sha256 } from '@codex-gateways/crypto';
import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import {
  insertInitialAccessToken,
  isLiveInitialAccessToken,
  listInitialAccessTokens,
  revokeInitialAccessToken,
  spendInitialAccessToken,
} from './initial-access-token-store.ts';

/** What lets a client register (RFC 7591 §3): so often, and so long. */
export interface InitialAccessToken {
  readonly id: string;
  readonly name: string;
  /** The user who made it. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly maxUses: number;
  readonly uses: number;
  readonly revokedAt: Date | undefined;
}

const PREFIX = 'iat_';
const MAX_LISTED = 1000;

/** Initial access tokens: administrators hand them out, clients spend them. */
export class InitialAccessTokens {
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #audit: AuditLog;

  constructor({ pool, clock, audit }: { pool: Pool; clock: Clock; audit: AuditLog }) {
    this.#pool = pool;
    this.#clock = clock;
    this.#audit = audit;
  }

  /** @returns the token's text too, which is not kept */
  async mint(
    request: { userId: string; name: string; lifetimeSeconds: number; maxUses: number },
    origin: RequestOrigin,
  ): Promise<{ minted: InitialAccessToken; token: string }> {
    const token = `${PREFIX}${randomToken()}`;
    const createdAt = this.#clock.now();
    const minted: InitialAccessToken = {
      id: randomUUID(),
      name: request.name,
      createdBy: request.userId,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + request.lifetimeSeconds * 1000),
      maxUses: request.maxUses,
      uses: 0,
      revokedAt: undefined,
    };
    await transaction(this.#pool, async (tx) => {
      await insertInitialAccessToken(tx, { ...minted, tokenDigest: sha256(token) });
      const details = { name: minted.name, max_uses: minted.maxUses, expires_at: minted.expiresAt.toISOString() };
      await this.#record('initial_access_token.minted', { id: minted.id, userId: request.userId, details, origin }, tx);
    });
    return { minted, token };
  }

  /** The newest first, revoked and spent ones among them until they expire. */
  async list(): Promise<readonly InitialAccessToken[]> {
    return listInitialAccessTokens(this.#pool, MAX_LISTED);
  }

  /** Again, or for an id that there is not: nothing happens. Clients that registered with it stay. */
  async revoke({ id, userId }: { id: string; userId: string }, origin: RequestOrigin): Promise<void> {
    await transaction(this.#pool, async (tx) => {
      if (!(await revokeInitialAccessToken(tx, { id, now: this.#clock.now() }))) return;
      await this.#record('initial_access_token.revoked', { id, userId, details: {}, origin }, tx);
    });
  }

  async isLive(token: string): Promise<boolean> {
    return isLiveInitialAccessToken(this.#pool, { tokenDigest: sha256(token), now: this.#clock.now() });
  }

  /** Takes one use. @returns the token's id; undefined when it is not good any more */
  async spend(token: string, tx: Queryable): Promise<string | undefined> {
    return spendInitialAccessToken(tx, { tokenDigest: sha256(token), now: this.#clock.now() });
  }

  async #record(
    action: string,
    event: { id: string; userId: string; details: Record<string, string | number>; origin: RequestOrigin },
    tx: Queryable,
  ): Promise<void> {
    const { id: subjectId, userId: actorUserId, details, origin } = event;
    await this.#audit.record(
      { action, actorUserId, subjectType: 'initial_access_token', subjectId, details, ...origin },
      tx,
    );
  }
}
