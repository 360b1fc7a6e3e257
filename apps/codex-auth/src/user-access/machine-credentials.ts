import type { Queryable } from '@codex-gateways/database';
import type { Logger } from '@codex-gateways/service';
import type { AgentIdentities } from '../agent-identity/agent-identities.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { ConnectorRemovals } from '../connectors/connector-removals.ts';
import type { ExecGateway } from '../connectors/exec-gateway.ts';
import type { RemoteTokens } from '../remote-tokens/remote-tokens.ts';

export interface MachineCredentialsDeps {
  readonly remoteTokens: Pick<RemoteTokens, 'revokeAllOf'>;
  readonly identities: Pick<AgentIdentities, 'revokeAllOf'>;
  readonly removals: Pick<ConnectorRemovals, 'beginAllOf' | 'wake'>;
  readonly execGateway: Pick<ExecGateway, 'disconnectUser'>;
  readonly audit: AuditLog;
  readonly log: Logger;
}

/** Whose credentials end, and who ends them. */
export interface CredentialsEnding {
  readonly userId: string;
  /** Undefined for all workspaces. */
  readonly workspaceId?: string;
  readonly by: { readonly userId: string; readonly origin: RequestOrigin };
}

/** What machines hold in the name of a person: remote tokens, agent identities, connectors. */
export class MachineCredentials {
  readonly #deps: MachineCredentialsDeps;

  constructor(deps: MachineCredentialsDeps) {
    this.#deps = deps;
  }

  /** Ends them all, in one workspace or in all of them; `ended` after the commit. @returns how many of each */
  async endAll(
    { userId, workspaceId, by }: CredentialsEnding,
    tx: Queryable,
  ): Promise<{ remote_tokens: number; agent_identities: number; connectors: number }> {
    const { remoteTokens, identities, removals } = this.#deps;
    const whose = { userId, ...(workspaceId === undefined ? {} : { workspaceId }) };
    const tokenIds = await remoteTokens.revokeAllOf(whose, tx);
    const connectorIds = await removals.beginAllOf(whose, tx);
    const identityIds = await identities.revokeAllOf(whose, tx);
    await this.#record('remote_token', 'revoked', tokenIds, by, tx);
    await this.#record('connector', 'removed', connectorIds, by, tx);
    await this.#record('agent_identity', 'revoked', identityIds, by, tx);
    return { remote_tokens: tokenIds.length, agent_identities: identityIds.length, connectors: connectorIds.length };
  }

  /** Has exec-gateway forget connectors that have ended, which cuts their executors off. Not waited for. */
  ended(): void {
    this.#deps.removals.wake();
  }

  /**
   * The same after a user was disabled, whose other executors are cut off too. Not waited for, and tried once: exec-gateway asks again and
   * again whose users may still act.
   */
  endedOf(userId: string): void {
    const { execGateway, log } = this.#deps;
    this.ended();
    execGateway.disconnectUser(userId).catch((error: unknown) => {
      log.warn({ err: error, user_id: userId }, 'the executors of a disabled user could not be disconnected now');
    });
  }

  async #record(
    subjectType: string,
    what: string,
    ids: readonly string[],
    by: CredentialsEnding['by'],
    tx: Queryable,
  ): Promise<void> {
    for (const subjectId of ids) {
      const event = { action: `${subjectType}.${what}`, subjectType, subjectId, actorUserId: by.userId };
      await this.#deps.audit.record({ ...event, ...by.origin }, tx);
    }
  }
}
