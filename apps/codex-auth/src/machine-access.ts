import type { Pool } from '@codex-gateways/database';
import {
  type CallObserver,
  type Clock,
  createInternalClient,
  type HotRoute,
  type Logger,
} from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { ActiveUsers } from './accounts/active-users.ts';
import { AgentIdentities } from './agent-identity/agent-identities.ts';
import { agentIdentityRoutes } from './agent-identity/agent-identity-routes.ts';
import { AgentTasks } from './agent-identity/agent-tasks.ts';
import { createFailureLimit } from './agent-identity/failure-limit.ts';
import type { AuditLog, AuditTrail } from './audit/audit-log.ts';
import { auditRoutes } from './audit/audit-routes.ts';
import type { CleanupTask } from './cleanup/cleanup.ts';
import type { Config } from './config.ts';
import { ConnectorCreation } from './connectors/connector-creation.ts';
import { ConnectorRemovals } from './connectors/connector-removals.ts';
import { connectorRoutes } from './connectors/connector-routes.ts';
import { Connectors } from './connectors/connectors.ts';
import { ExecGateway } from './connectors/exec-gateway.ts';
import { ExecutorCredentials } from './internal-api/executor-credentials.ts';
import { internalApi } from './internal-api/internal-api-routes.ts';
import type { AccessTokens } from './oauth/access-tokens.ts';
import { remoteSessionRoutes } from './remote-sessions/list-sessions-route.ts';
import { RemoteSessions } from './remote-sessions/remote-sessions.ts';
import { remoteTokenRoutes } from './remote-tokens/remote-token-routes.ts';
import { RemoteTokenVerification } from './remote-tokens/remote-token-verification.ts';
import { RemoteTokens } from './remote-tokens/remote-tokens.ts';
import { type Bcrypt, SecretHasher } from './remote-tokens/secret-hasher.ts';
import { RevocationNotices } from './revocation-notices/revocation-notices.ts';
import type { KeyProvider } from './signing-keys/key-provider.ts';
import { MachineCredentials } from './user-access/machine-credentials.ts';
import type { Memberships } from './workspaces/memberships.ts';

/** What the service hands to this part of it. */
export interface MachineAccessDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: CallObserver;
  readonly keys: KeyProvider;
  readonly audit: AuditLog & AuditTrail;
  readonly accessTokens: AccessTokens;
  readonly memberships: Memberships;
  readonly withUser: RequestHandler;
  readonly bcrypt?: Bcrypt | undefined;
}

export interface MachineAccess {
  readonly routes: Router;
  /** Those of them that are answered before Express. */
  readonly hotRoutes: readonly HotRoute[];
  readonly remoteSessions: RemoteSessions;
  /** What machines hold in the name of a person. */
  readonly machineCredentials: MachineCredentials;
  readonly cleanupTasks: readonly CleanupTask[];
  start(): Promise<void>;
  /** Ends what would be open for as long as the service runs. */
  drain(): void;
  close(): Promise<void>;
}

/** The part of the composition root that lets machines in: agent identities, remote tokens, connectors, the internal API. */
export function createMachineAccess(config: Config, deps: MachineAccessDeps): MachineAccess {
  const { audit, withUser } = deps;
  const agents = createAgents(config, deps);
  const tokens = createRemoteTokens(config, deps);
  const connectors = createConnectors(config, { ...deps, identities: agents.identities });
  const credentials = new ExecutorCredentials({ ...deps, agentTasks: agents.tasks });
  const notices = new RevocationNotices({ databaseUrl: config.databaseUrl, log: deps.log });
  const remoteSessions = new RemoteSessions({ db: deps.pool, memberships: deps.memberships });
  const activeUsers = new ActiveUsers({ db: deps.pool });
  const internal = internalApi({
    ...{ ...config, ...tokens, credentials, activeUsers, notices, remoteSessions, log: deps.log },
  });
  const routes = Router();
  routes.use(
    internal.routes,
    auditRoutes({ audit, withUser }),
    agentIdentityRoutes(agents),
    remoteTokenRoutes({ remoteTokens: tokens.remoteTokens, withUser }),
    remoteSessionRoutes({ remoteSessions, withUser }),
    connectorRoutes({ ...connectors, withUser }),
  );
  return {
    routes,
    hotRoutes: internal.hotRoutes,
    remoteSessions,
    machineCredentials: new MachineCredentials({ ...agents, ...tokens, ...connectors, audit, log: deps.log }),
    cleanupTasks: [
      { name: 'agent tasks', deleteBatch: (maxRows) => agents.tasks.deleteExpired(maxRows) },
      { name: 'agent identities', deleteBatch: (maxRows) => agents.identities.deleteOld(maxRows) },
      { name: 'remote tokens', deleteBatch: (maxRows) => tokens.remoteTokens.deleteOld(maxRows) },
      { name: 'remote sessions', deleteBatch: (maxRows) => remoteSessions.deleteOld(maxRows) },
      { name: 'connectors', deleteBatch: (maxRows) => connectors.removals.deleteOld(maxRows) },
      { name: 'audit events', deleteBatch: (maxRows) => audit.deleteOld(config.auditRetentionSeconds, maxRows) },
    ],
    async start() {
      connectors.removals.start();
      await notices.start();
    },
    drain: () => notices.endSubscriptions(),
    async close() {
      await notices.close();
      await connectors.removals.close();
      await connectors.client.close();
    },
  };
}

function createAgents(config: Config, { pool: db, clock, log, keys, audit }: MachineAccessDeps) {
  const { agentIdentityLifetimeSeconds, agentTaskLifetimeSeconds } = config;
  return {
    identities: new AgentIdentities({ db, keys, clock, audit, lifetimeSeconds: agentIdentityLifetimeSeconds }),
    tasks: new AgentTasks({
      db,
      clock,
      log,
      taskLifetimeSeconds: agentTaskLifetimeSeconds,
      maxTasksPerIdentity: config.agentTasksPerIdentity,
    }),
    failures: createFailureLimit({ limit: config.agentFailuresPerMinute, windowSeconds: 60 }),
  };
}

function createRemoteTokens(config: Config, { pool: db, clock, log, audit, memberships, bcrypt }: MachineAccessDeps) {
  const hasherOptions = { cost: config.bcryptCost, maxWaiting: config.bcryptMaxWaiting, ...(bcrypt ? { bcrypt } : {}) };
  const hasher = new SecretHasher({ ...hasherOptions, maxConcurrent: config.bcryptMaxConcurrent });
  const decoyHasher = new SecretHasher({ ...hasherOptions, maxConcurrent: 1 });
  return {
    remoteTokens: new RemoteTokens({
      db,
      clock,
      audit,
      memberships,
      hasher,
      defaultLifetimeSeconds: config.remoteTokenLifetimeSeconds,
      maxLifetimeSeconds: config.remoteTokenMaxLifetimeSeconds,
      maxPerWorkspace: config.remoteTokensPerWorkspace,
    }),
    verification: new RemoteTokenVerification({ db, clock, log, hasher, decoyHasher }),
  };
}

function createConnectors(config: Config, deps: MachineAccessDeps & { identities: AgentIdentities }) {
  const { pool: db, log, identities } = deps;
  const client = createInternalClient({
    baseUrl: config.execGatewayInternalUrl,
    headers: { 'x-internal-secret': config.internalApiSecret },
    timeoutMs: config.execGatewayTimeoutMs,
    peer: 'codex-exec-gateway',
    observer: deps.metrics,
  });
  const execGateway = new ExecGateway({ client });
  const intervalMs = config.connectorCleanupIntervalMs;
  const removals = new ConnectorRemovals({ db, identities, execGateway, log, intervalMs });
  const shared = { db, audit: deps.audit, memberships: deps.memberships, identities, execGateway, removals };
  return {
    client,
    execGateway,
    removals,
    creation: new ConnectorCreation({ ...shared, maxPerWorkspace: config.connectorsPerWorkspace }),
    connectors: new Connectors(shared),
    publicUrls: { issuer: config.issuer, execGatewayUrl: config.execGatewayPublicUrl },
  };
}
