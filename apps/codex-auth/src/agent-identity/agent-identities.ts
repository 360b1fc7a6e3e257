import { generateEd25519Key } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import type { Clock } from '@codex-gateways/service';
import { buildAgentIdentityJwt, PLAN_TYPE } from '@codex-gateways/tokens';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { KeyProvider } from '../signing-keys/key-provider.ts';
import {
  deleteDeadAgentIdentities,
  insertAgentIdentity,
  listAgentIdentities,
  revokeAgentIdentitiesOf,
  revokeAgentIdentity,
} from './agent-identity-store.ts';

/** Whom an executor acts for, without its keys. */
export interface AgentIdentity {
  /** Equal to the `exe_id` of the executor. */
  readonly agentRuntimeId: string;
  readonly userId: string;
  readonly workspaceId: string;
  /** The `kid` of the key under the JWT. */
  readonly jwtSignedWith: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
}

export interface MintAgentIdentityRequest {
  /** Equal to the `exe_id` of the executor; one that has an identity already is a programmer's mistake. */
  readonly agentRuntimeId: string;
  readonly userId: string;
  readonly email: string;
  readonly workspaceId: string;
  readonly origin: RequestOrigin;
}

export interface AgentIdentitiesDeps {
  readonly db: Queryable;
  readonly keys: Pick<KeyProvider, 'active'>;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly lifetimeSeconds: number;
}

const RETENTION_MS = 90 * 86_400_000;

/** Makes, revokes and lists the identities under which executors register. */
export class AgentIdentities {
  readonly #deps: AgentIdentitiesDeps;

  constructor(deps: AgentIdentitiesDeps) {
    this.#deps = deps;
  }

  /**
   * Makes an identity. The JWT holds the agent's only private key: it is given out this once and kept nowhere.
   * @param tx - the transaction of what the identity is for
   */
  async mint(request: MintAgentIdentityRequest, tx?: Queryable): Promise<{ jwt: string; expiresAt: Date }> {
    const { db, keys, clock, audit, lifetimeSeconds } = this.#deps;
    const { agentRuntimeId, userId, email, workspaceId, origin } = request;
    const nowSeconds = clock.nowSeconds();
    const expiresAtSeconds = nowSeconds + lifetimeSeconds;
    const { privatePkcs8, publicKey } = generateEd25519Key();
    const key = keys.active();
    const subject = { agentRuntimeId, privatePkcs8, workspaceId, userId, email, planType: PLAN_TYPE };
    const jwt = await buildAgentIdentityJwt(key, subject, { nowSeconds, expiresAtSeconds });
    const times = { issuedAt: new Date(nowSeconds * 1000), expiresAt: new Date(expiresAtSeconds * 1000) };
    await insertAgentIdentity(tx ?? db, {
      agentRuntimeId,
      userId,
      workspaceId,
      publicKey,
      jwtSignedWith: key.kid,
      ...times,
    });
    await audit.record(
      { ...about(agentRuntimeId, 'minted'), actorUserId: userId, ...origin, details: { workspace_id: workspaceId } },
      tx,
    );
    return { jwt, expiresAt: times.expiresAt };
  }

  /** Ends an identity at once: no new tasks, no assertion of its tasks validates. Safe to repeat, also for an unknown id. */
  async revoke(
    { agentRuntimeId, by }: { agentRuntimeId: string; by?: { userId: string; origin: RequestOrigin } | undefined },
    tx?: Queryable,
  ): Promise<void> {
    const { db, clock, audit } = this.#deps;
    if (!(await revokeAgentIdentity(tx ?? db, { agentRuntimeId, now: clock.now() }))) return;
    await audit.record({ ...about(agentRuntimeId, 'revoked'), actorUserId: by?.userId, ...by?.origin }, tx);
  }

  /** Ends all identities of a user at once, in one workspace or in all of them. @returns their ids */
  revokeAllOf({ userId, workspaceId }: { userId: string; workspaceId?: string }, tx: Queryable): Promise<string[]> {
    return revokeAgentIdentitiesOf(tx, { userId, workspaceId, now: this.#deps.clock.now() });
  }

  /** Those of a workspace, revoked and expired ones among them, the newest first. */
  listOf(workspaceId: string): Promise<AgentIdentity[]> {
    return listAgentIdentities(this.#deps.db, workspaceId);
  }

  /** Forgets identities that ended more than 90 days ago. @returns how many, at most `maxRows` */
  deleteOld(maxRows: number): Promise<number> {
    const deadSince = new Date(this.#deps.clock.now().getTime() - RETENTION_MS);
    return deleteDeadAgentIdentities(this.#deps.db, { deadSince, limit: maxRows });
  }
}

function about(agentRuntimeId: string, what: 'minted' | 'revoked') {
  return { action: `agent_identity.${what}`, subjectType: 'agent_identity', subjectId: agentRuntimeId };
}
