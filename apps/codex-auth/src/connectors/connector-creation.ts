import { randomUUID } from 'node:crypto';
import { type Pool, transaction } from '@codex-gateways/database';
import { HttpError, ServiceUnavailableError } from '@codex-gateways/service';
import type { AgentIdentities } from '../agent-identity/agent-identities.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { RequestOrigin } from '../audit/request-origin.ts';
import type { Memberships } from '../workspaces/memberships.ts';
import { connectorEvent } from './connector-audit.ts';
import { asRefusal, noSuchWorkspace } from './connector-refusals.ts';
import type { ConnectorRemovals } from './connector-removals.ts';
import {
  activateConnector,
  beginRemoval,
  type Connector,
  countConnectors,
  type DueRemoval,
  lockWorkspace,
  renameConnector,
  reserveConnector,
} from './connector-store.ts';
import { type ExecGateway, ExecGatewayRefusal } from './exec-gateway.ts';

export interface AddConnectorRequest {
  readonly userId: string;
  readonly email: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly description: string;
  /** Undefined: the first connector of a workspace becomes its default. */
  readonly isDefault: boolean | undefined;
  readonly origin: RequestOrigin;
}

/** A new connector; the JWT is given out this once. */
export interface AddedConnector {
  readonly exeId: string;
  readonly agentIdentityJwt: string;
  readonly identityExpiresAt: Date;
}

export interface ConnectorCreationDeps {
  readonly db: Pool;
  readonly audit: AuditLog;
  readonly memberships: Pick<Memberships, 'roleOf'>;
  readonly identities: Pick<AgentIdentities, 'mint'>;
  readonly execGateway: Pick<ExecGateway, 'register' | 'bind'>;
  readonly removals: Pick<ConnectorRemovals, 'attempt'>;
  readonly maxPerWorkspace: number;
}

/** Longer than the making of a connector can take: every call to exec-gateway has a deadline of seconds. */
const RESERVATION_SECONDS = 120;
/** When exec-gateway did not answer, what it was asked may still happen there; so it is undone only after this time. */
const UNDO_UNKNOWN_AFTER_SECONDS = 30;
/** Covers the attempt that follows at once; then the removal is due for every replica. */
const UNDO_KNOWN_AFTER_SECONDS = 15;

/**
 * "Add connector": an executor at exec-gateway, bound to a workspace, with an Agent Identity to register under. Two services
 * take part, so each step is preceded by a record of how to undo it: whatever fails, nothing is left behind for good.
 */
export class ConnectorCreation {
  readonly #deps: ConnectorCreationDeps;

  constructor(deps: ConnectorCreationDeps) {
    this.#deps = deps;
  }

  /**
   * @throws {HttpError} 404 for a stranger to the workspace; 409 `name_taken`, `limit_reached`; 503 when exec-gateway cannot do
   *   its part now
   */
  async add(request: AddConnectorRequest): Promise<AddedConnector> {
    const { db, memberships, execGateway } = this.#deps;
    const { userId, workspaceId, name, description } = request;
    if (!(await memberships.roleOf(userId, workspaceId))) throw noSuchWorkspace();
    const proposedExeId = `exe_${randomUUID()}`;
    const { isFirst } = await this.#reserve({ exeId: proposedExeId, workspaceId, userId, name, description });
    let reservedExeId = proposedExeId;
    try {
      const exeId = await execGateway.register({ exeId: proposedExeId, userId, displayName: name });
      if (exeId !== proposedExeId && !(await renameConnector(db, { proposedExeId, exeId }))) {
        throw new ExecGatewayRefusal('exec-gateway gave a new executor the id of another');
      }
      reservedExeId = exeId;
      const isDefault = request.isDefault ?? isFirst;
      await execGateway.bind({ exeId, workspaceId }, { userId, name, description, isDefault });
      return await this.#activate(exeId, request);
    } catch (error) {
      await this.#undo({ exeId: reservedExeId, workspaceId, userId }, error);
      throw asRefusal(error, 'the connector was not added');
    }
  }

  async #reserve(connector: Omit<Connector, 'createdAt'>): Promise<{ isFirst: boolean }> {
    const { db, maxPerWorkspace } = this.#deps;
    return transaction(db, async (tx) => {
      await lockWorkspace(tx, connector.workspaceId);
      const existing = await countConnectors(tx, connector.workspaceId);
      if (existing >= maxPerWorkspace) {
        throw new HttpError(409, 'limit_reached', `a workspace may have ${maxPerWorkspace} connectors`);
      }
      const isReserved = await reserveConnector(tx, connector, { cleanupAfterSeconds: RESERVATION_SECONDS });
      if (!isReserved) throw new HttpError(409, 'name_taken', 'the workspace has a connector of this name');
      return { isFirst: existing === 0 };
    });
  }

  async #activate(exeId: string, request: AddConnectorRequest): Promise<AddedConnector> {
    const { db, audit, identities } = this.#deps;
    const { userId, email, workspaceId, origin } = request;
    return transaction(db, async (tx) => {
      if (!(await activateConnector(tx, exeId))) {
        throw new HttpError(409, 'removed', 'the connector was removed while it was being added');
      }
      const minted = await identities.mint({ agentRuntimeId: exeId, userId, email, workspaceId, origin }, tx);
      await audit.record(connectorEvent('added', { exeId, workspaceId, userId, origin }), tx);
      return { exeId, agentIdentityJwt: minted.jwt, identityExpiresAt: minted.expiresAt };
    });
  }

  /** Never throws: when not even the record can be changed, the reservation runs out by itself. */
  async #undo(removal: DueRemoval, cause: unknown): Promise<void> {
    const isUnknown = cause instanceof ServiceUnavailableError;
    const cleanupAfterSeconds = isUnknown ? UNDO_UNKNOWN_AFTER_SECONDS : UNDO_KNOWN_AFTER_SECONDS;
    const isOnRecord = await beginRemoval(this.#deps.db, { exeId: removal.exeId, cleanupAfterSeconds }).catch(
      () => false,
    );
    if (isOnRecord && !isUnknown) await this.#deps.removals.attempt(removal);
  }
}
