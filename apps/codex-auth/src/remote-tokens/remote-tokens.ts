import { type Pool, type Queryable, transaction } from '@codex-gateways/database';
import { type Clock, HttpError } from '@codex-gateways/service';
import { mintRemoteToken } from '@codex-gateways/tokens';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { Memberships } from '../workspaces/memberships.ts';
import {
  countLiveRemoteTokens,
  deleteDeadRemoteTokens,
  insertRemoteToken,
  listRemoteTokens,
  lockWorkspace,
  revokeRemoteToken,
} from './remote-token-store.ts';
import type { SecretHasher } from './secret-hasher.ts';
import { revokeRemoteTokensOf } from './user-remote-token-store.ts';

/** A remote token without its secret, which is not kept. */
export interface RemoteToken {
  readonly id: string;
  readonly workspaceId: string;
  readonly userId: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
}

export interface MintRemoteTokenRequest {
  readonly userId: string;
  readonly workspaceId: string;
  readonly name: string;
  /** 90 days ahead when absent. */
  readonly expiresAt: Date | undefined;
  readonly origin: RequestOrigin;
}

export interface RemoteTokensDeps {
  readonly db: Pool;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly memberships: Pick<Memberships, 'roleOf'>;
  readonly hasher: Pick<SecretHasher, 'hash'>;
  readonly defaultLifetimeSeconds: number;
  readonly maxLifetimeSeconds: number;
  /** Tokens of one workspace that may be live at once. */
  readonly maxPerWorkspace: number;
}

const MAX_LISTED = 1000;
const RETENTION_MS = 90 * 86_400_000;

/** Mints, lists and revokes what `codex --remote` presents. */
export class RemoteTokens {
  readonly #deps: RemoteTokensDeps;

  constructor(deps: RemoteTokensDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a token for a member of the workspace; the text of the token is given out this once.
   * @throws {HttpError} 404 for a stranger to the workspace; 400 for an expiry in the past or too far ahead; 409 when the
   *   workspace has as many live tokens as it may; 503 when too many secrets wait to be hashed
   */
  async mint({ userId, workspaceId, name, expiresAt, origin }: MintRemoteTokenRequest) {
    const { db, clock, audit, memberships, hasher, maxPerWorkspace } = this.#deps;
    if (!(await memberships.roleOf(userId, workspaceId))) throw noSuchWorkspace();
    const now = clock.now();
    const { id, secret, token } = mintRemoteToken();
    const minted: RemoteToken = {
      ...{ id, workspaceId, userId, name, createdAt: now, expiresAt: this.#expiry(expiresAt, now) },
      ...{ revokedAt: undefined, lastUsedAt: undefined },
    };
    const secretHash = await hasher.hash(secret);
    await transaction(db, async (tx) => {
      await lockWorkspace(tx, workspaceId);
      const live = await countLiveRemoteTokens(tx, { workspaceId, now });
      if (live >= maxPerWorkspace) {
        throw new HttpError(409, 'limit_reached', `a workspace may have ${maxPerWorkspace} live remote tokens`);
      }
      await insertRemoteToken(tx, { ...minted, secretHash });
      await audit.record(auditEvent('minted', { id, workspaceId, userId, origin }), tx);
    });
    return { ...minted, token };
  }

  /**
   * Lists the tokens that the user may manage: the user's own, and with a workspace that the user owns all of its tokens.
   * The newest first, at most a thousand.
   * @throws {HttpError} 404 for a stranger to the workspace
   */
  async list({
    userId,
    workspaceId,
    includeRevoked,
  }: {
    userId: string;
    workspaceId: string | undefined;
    includeRevoked: boolean;
  }): Promise<RemoteToken[]> {
    const { db, memberships } = this.#deps;
    const role = workspaceId === undefined ? 'member' : await memberships.roleOf(userId, workspaceId);
    if (!role) throw noSuchWorkspace();
    const ofUser = role === 'owner' ? undefined : userId;
    return listRemoteTokens(db, { workspaceId, userId: ofUser, includeRevoked, limit: MAX_LISTED });
  }

  /**
   * Ends a token at once. Safe to repeat.
   * @throws {HttpError} 404 when the user may not manage it, or it does not exist
   */
  async revoke({ id, userId, origin }: { id: string; userId: string; origin: RequestOrigin }): Promise<void> {
    const { db, clock, audit } = this.#deps;
    const revoked = await transaction(db, async (tx) => {
      const outcome = await revokeRemoteToken(tx, { id, userId, now: clock.now() });
      if (outcome?.isNew) {
        await audit.record(auditEvent('revoked', { id, workspaceId: outcome.workspaceId, userId, origin }), tx);
      }
      return outcome;
    });
    if (!revoked) throw new HttpError(404, 'not_found', 'there is no such remote token');
  }

  /** Ends all tokens of a user at once, in one workspace or in all of them. @returns their ids */
  revokeAllOf({ userId, workspaceId }: { userId: string; workspaceId?: string }, tx: Queryable): Promise<string[]> {
    return revokeRemoteTokensOf(tx, { userId, workspaceId, now: this.#deps.clock.now() });
  }

  /** Forgets tokens that ended more than 90 days ago. @returns how many, at most `maxRows` */
  deleteOld(maxRows: number): Promise<number> {
    const deadSince = new Date(this.#deps.clock.now().getTime() - RETENTION_MS);
    return deleteDeadRemoteTokens(this.#deps.db, { deadSince, limit: maxRows });
  }

  #expiry(asked: Date | undefined, now: Date): Date {
    const { defaultLifetimeSeconds, maxLifetimeSeconds } = this.#deps;
    const expiresAt = asked ?? new Date(now.getTime() + defaultLifetimeSeconds * 1000);
    const lifetimeSeconds = (expiresAt.getTime() - now.getTime()) / 1000;
    if (lifetimeSeconds <= 0) throw new HttpError(400, 'invalid_request', 'expires_at: must lie in the future');
    if (lifetimeSeconds > maxLifetimeSeconds) {
      const days = Math.floor(maxLifetimeSeconds / 86_400);
      throw new HttpError(400, 'invalid_request', `expires_at: must lie within ${days} days`);
    }
    return expiresAt;
  }
}

/** What a stranger to a workspace is told, whether or not it exists. */
function noSuchWorkspace(): HttpError {
  return new HttpError(404, 'not_found', 'there is no such workspace');
}

function auditEvent(
  what: 'minted' | 'revoked',
  { id, workspaceId, userId, origin }: { id: string; workspaceId: string; userId: string; origin: RequestOrigin },
) {
  return {
    action: `remote_token.${what}`,
    actorUserId: userId,
    subjectType: 'remote_token',
    subjectId: id,
    ...origin,
    details: { workspace_id: workspaceId },
  };
}
