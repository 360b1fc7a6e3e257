import { randomUUID } from 'node:crypto';
import { checkDatabase, createPool, type Pool } from '@codex-gateways/database';
import {
  type Clock,
  createApp,
  createInternalClient,
  createMetrics,
  type InternalClient,
  type Logger,
  type Service,
  systemClock,
} from '@codex-gateways/service';
import { Bindings } from './bindings/bindings.ts';
import type { Config } from './config.ts';
import { ConnectionRecord } from './connections/connection-record.ts';
import { ExecutorDirectory } from './connections/executor-directory.ts';
import { executorSocketRoute } from './connections/executor-socket-route.ts';
import { ExecutorSockets } from './connections/executor-sockets.ts';
import { Heartbeat } from './connections/heartbeat.ts';
import { LocalExecutors } from './connections/local-executors.ts';
import { Executors } from './executors/executors.ts';
import { createGatewayCounters, observeGateway } from './gateway-metrics.ts';
import { mountHttpApi } from './http-api.ts';
import { GatewayLifecycle } from './lifecycle.ts';
import { AgentserverValidator } from './registration/agentserver-validator.ts';
import { HarnessRendezvous } from './registration/harness-rendezvous.ts';
import { Registrations } from './registration/registrations.ts';
import { bridgeSocketRoute } from './relay/bridge-socket-route.ts';
import { Bridges } from './relay/bridges.ts';
import { LiveHarnesses } from './relay/live-harnesses.ts';
import { RelayTally } from './relay/relay-tally.ts';
import { RevokedTurns } from './revocation/revoked-turns.ts';
import { TurnGuard } from './revocation/turn-guard.ts';
import { UpgradeRouter } from './upgrade-router.ts';
import { WebSocketAcceptor } from './web-sockets.ts';

const READINESS_TIMEOUT_MS = 1500;

export interface ExecGatewayDeps {
  readonly log: Logger;
  readonly clock?: Clock;
}

export interface ExecGateway extends Service {
  /** Where it listens, `http://host:port`; known after `start`. */
  readonly url: string;
}

/** The composition root: everything that codex-exec-gateway consists of. Nothing runs before `start`. */
export function createExecGateway(config: Config, { log, clock = systemClock }: ExecGatewayDeps): ExecGateway {
  const pool = createPool({
    databaseUrl: config.databaseUrl,
    applicationName: 'codex-exec-gateway',
    maxConnections: config.databasePoolSize,
    // Register calls are held and tried again, and upgrades refused with 503 come back: so better soon than late.
    connectionTimeoutMs: config.databaseTimeoutMs / 2,
    statementTimeoutMs: Math.ceil(config.databaseTimeoutMs * 0.8),
    queryTimeoutMs: config.databaseTimeoutMs,
    log,
  });
  const agentserver = createInternalClient({
    baseUrl: config.agentserverInternalUrl,
    headers: { 'x-internal-secret': config.agentserverInternalSecret },
    timeoutMs: config.agentserverTimeoutMs,
  });
  const metrics = createMetrics('codex-exec-gateway');
  const counters = createGatewayCounters(metrics);
  const live = createLiveState();
  const domain = createDomain(config, { pool, agentserver, live, clock, log });
  observeGateway(metrics, { ...live, ...domain });

  const { app, readiness } = createApp({
    log,
    metrics,
    checks: {
      database: () => checkDatabase(pool, READINESS_TIMEOUT_MS),
      notifications: async () => lifecycle.checkListener(),
      revocations: async () => {
        if (!domain.revokedTurns.isLoaded) throw new Error('revoked turns were never read');
      },
    },
  });
  mountHttpApi(app, config, { ...domain, counters, log });
  const isDraining = () => readiness.isDraining();
  const upgrades = new UpgradeRouter({
    routes: createSocketRoutes(config, { domain, live, clock, log, isDraining }),
    handshakeTimeoutMs: config.limits.handshakeTimeoutMs,
    trustedProxyHops: config.trustedProxyHops,
    isDraining,
    onRefused: counters.upgradeRefused,
    log,
  });
  const lifecycle = new GatewayLifecycle(config, {
    ...{ app, readiness, upgrades, live, domain, pool, agentserver, metrics, clock, log },
  });
  return lifecycle;
}

/** What this replica holds in memory, and loses when it ends. */
function createLiveState() {
  return {
    tally: new RelayTally(),
    localExecutors: new LocalExecutors(),
    liveHarnesses: new LiveHarnesses(),
    heartbeat: new Heartbeat(),
  };
}
export type LiveState = ReturnType<typeof createLiveState>;

function createDomain(
  config: Config,
  deps: { pool: Pool; agentserver: InternalClient; live: LiveState; clock: Clock; log: Logger },
) {
  const { pool, live, clock, log } = deps;
  const { localExecutors, liveHarnesses } = live;
  const secret = config.captokenHmacSecret;
  const registrations = new Registrations({
    db: pool,
    clock,
    ticketSecret: secret,
    ticketLifetimeSeconds: config.registration.ticketLifetimeSeconds,
  });
  const revokedTurns = new RevokedTurns({
    db: pool,
    clock,
    log,
    refreshMs: config.cluster.revocationRefreshMs,
    onRevoked: (turnId) => liveHarnesses.closeTurn(turnId),
  });
  return {
    registrations,
    revokedTurns,
    executors: new Executors(pool, (exeId) => localExecutors.close(exeId, 'unauthorized', 'the executor was deleted')),
    bindings: new Bindings(pool, (key) => liveHarnesses.closeBinding(key)),
    validator: new AgentserverValidator(deps.agentserver),
    turnGuard: new TurnGuard({ secret, clock, revokedTurns }),
    rendezvous: new HarnessRendezvous({
      ...{ registrations, clock, secret },
      lifetimeSeconds: config.registration.bridgeTicketLifetimeSeconds,
    }),
    record: new ConnectionRecord({
      db: pool,
      replica: {
        replicaId: randomUUID(),
        internalUrl: config.selfInternalUrl,
        leaseSeconds: config.cluster.leaseSeconds,
      },
      log,
      onBeaten: ({ exeId, connectionId }) => {
        const connection = localExecutors.get(exeId);
        if (connection?.identity.connectionId === connectionId) {
          connection.close('replaced', 'a newer connection of this executor has opened, or it was deleted');
        }
      },
    }),
  };
}
export type Domain = ReturnType<typeof createDomain>;

function createSocketRoutes(
  config: Config,
  deps: { domain: Domain; live: LiveState; clock: Clock; log: Logger; isDraining: () => boolean },
) {
  const { domain, live, clock, log, isDraining } = deps;
  const { limits } = config;
  const acceptor = new WebSocketAcceptor(limits);
  const shared = { ...live, acceptor, limits, log };
  return {
    'codex-exec': executorSocketRoute({
      ...domain,
      ticketSecret: config.captokenHmacSecret,
      clock,
      executorSockets: new ExecutorSockets({ ...shared, record: domain.record, isDraining }),
    }),
    bridge: bridgeSocketRoute({
      ...domain,
      directory: new ExecutorDirectory(live.localExecutors),
      liveHarnesses: live.liveHarnesses,
      harnessesPerTurn: limits.harnessesPerTurn,
      bridges: new Bridges(shared),
    }),
  };
}
