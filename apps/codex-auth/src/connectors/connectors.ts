import { type Pool, transaction } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { AgentIdentities } from '../agent-identity/agent-identities.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { Memberships } from '../workspaces/memberships.ts';
import { connectorEvent } from './connector-audit.ts';
import { asRefusal, noSuchWorkspace } from './connector-refusals.ts';
import type { ConnectorRemovals } from './connector-removals.ts';
import { beginRemoval, type Connector, findConnector, listConnectors } from './connector-store.ts';
import type { BoundExecutor, ExecGateway } from './exec-gateway.ts';

/** A connector with what exec-gateway knows of it, if it is bound there, and the end of its identity. */
export interface ConnectorStatus {
  readonly connector: Connector;
  readonly executor: BoundExecutor | undefined;
  readonly identityExpiresAt: Date | undefined;
}

export interface ConnectorsDeps {
  readonly db: Pool;
  readonly audit: AuditLog;
  readonly memberships: Pick<Memberships, 'roleOf'>;
  readonly identities: Pick<AgentIdentities, 'listOf' | 'revoke'>;
  readonly execGateway: Pick<ExecGateway, 'list'>;
  readonly removals: Pick<ConnectorRemovals, 'attempt'>;
}

/** Covers the attempt that follows at once; then the removal is due for every replica. */
const CLEANUP_AFTER_SECONDS = 15;

/** The connectors that there are; how one comes to be is in `connector-creation.ts`. */
export class Connectors {
  readonly #deps: ConnectorsDeps;

  constructor(deps: ConnectorsDeps) {
    this.#deps = deps;
  }

  /**
   * The connectors of a workspace that the user belongs to, the oldest first.
   * @throws {HttpError} 404 for a stranger to the workspace; 503 when exec-gateway does not answer
   */
  async list({ userId, workspaceId }: { userId: string; workspaceId: string }): Promise<ConnectorStatus[]> {
    const { db, memberships, identities, execGateway } = this.#deps;
    if (!(await memberships.roleOf(userId, workspaceId))) throw noSuchWorkspace();
    const [executors, connectors, known] = await Promise.all([
      execGateway.list(workspaceId).catch((error: unknown) => {
        throw asRefusal(error, 'the connectors cannot be listed');
      }),
      listConnectors(db, workspaceId),
      identities.listOf(workspaceId),
    ]);
    const executorOf = new Map(executors.map((executor) => [executor.exeId, executor]));
    const identityOf = new Map(known.map((identity) => [identity.agentRuntimeId, identity]));
    return connectors.map((connector) => ({
      connector,
      executor: executorOf.get(connector.exeId),
      identityExpiresAt: identityOf.get(connector.exeId)?.expiresAt,
    }));
  }

  /**
   * Removes a connector: its identity ends at once, the rest follows at once when exec-gateway answers and as soon as it does
   * when not. Safe to repeat.
   * @throws {HttpError} 404 when it does not exist or is not of a workspace of the user; 403 when it is another member's and
   *   the user does not own the workspace
   */
  async remove({ exeId, userId, origin }: { exeId: string; userId: string; origin: RequestOrigin }): Promise<void> {
    const { db, audit, identities, removals } = this.#deps;
    const { workspaceId } = await this.#manageable({ exeId, userId });
    const isBegun = await transaction(db, async (tx) => {
      if (!(await beginRemoval(tx, { exeId, cleanupAfterSeconds: CLEANUP_AFTER_SECONDS }))) return false;
      await identities.revoke({ agentRuntimeId: exeId, by: { userId, origin } }, tx);
      await audit.record(connectorEvent('removed', { exeId, workspaceId, userId, origin }), tx);
      return true;
    });
    if (isBegun) await removals.attempt({ exeId, workspaceId, userId });
  }

  async #manageable({ exeId, userId }: { exeId: string; userId: string }): Promise<Connector> {
    const connector = await findConnector(this.#deps.db, exeId);
    const role = connector && (await this.#deps.memberships.roleOf(userId, connector.workspaceId));
    if (!connector || !role) throw new HttpError(404, 'not_found', 'there is no such connector');
    if (role !== 'owner' && connector.userId !== userId) {
      throw new HttpError(403, 'forbidden', 'this connector is another member’s; an owner may remove it');
    }
    return connector;
  }
}
