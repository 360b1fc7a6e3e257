import { checkDatabase, createPool } from '@codex-gateways/database';
import {
  type Clock,
  createApp,
  createInternalClient,
  createMetrics,
  createTracing,
  databaseSpans,
  type Logger,
  observePool,
  type Service,
  systemClock,
} from '@codex-gateways/service';
import type { Config } from './config.ts';
import { createDomain, createLiveState } from './domain.ts';
import { createGatewayCounters, observeGateway } from './gateway-metrics.ts';
import { mountHttpApi } from './http-api.ts';
import { GatewayLifecycle } from './lifecycle.ts';
import { createSocketRoutes } from './socket-routes.ts';
import { UpgradeRouter } from './upgrade-router.ts';

const READINESS_TIMEOUT_MS = 1500;

export interface ExecGatewayDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  /** Of the machine or container; without it the system says it. */
  readonly hostName?: string;
}

export interface ExecGateway extends Service {
  /** Where it listens, `http://host:port`; known after `start`. */
  readonly url: string;
}

/** The composition root: everything that codex-exec-gateway consists of. Nothing runs before `start`. */
export function createExecGateway(
  config: Config,
  { log, clock = systemClock, hostName }: ExecGatewayDeps,
): ExecGateway {
  const metrics = createMetrics('codex-exec-gateway');
  const tracing = createTracing(config.tracing, { service: 'codex-exec-gateway', log });
  const pool = createPool({
    databaseUrl: config.databaseUrl,
    applicationName: 'codex-exec-gateway',
    maxConnections: config.databasePoolSize,
    // Register calls are held and tried again, and upgrades refused with 503 come back: so better soon than late.
    connectionTimeoutMs: config.databaseTimeoutMs / 2,
    statementTimeoutMs: Math.ceil(config.databaseTimeoutMs * 0.8),
    queryTimeoutMs: config.databaseTimeoutMs,
    log,
    observer: databaseSpans,
  });
  observePool(metrics, pool);
  const agentserver = createInternalClient({
    baseUrl: config.agentserverInternalUrl,
    headers: { 'x-internal-secret': config.agentserverInternalSecret },
    timeoutMs: config.agentserverTimeoutMs,
    peer: 'codex-auth',
    observer: metrics,
  });
  const counters = createGatewayCounters(metrics);
  const live = createLiveState();
  const domain = createDomain(config, { pool, agentserver, live, counters, hostName, clock, log });
  observeGateway(metrics, { ...live, ...domain });

  const { app, readiness } = createApp({
    log,
    metrics,
    tracing,
    checks: {
      database: () => checkDatabase(pool, READINESS_TIMEOUT_MS),
      credential_validator: () => domain.ownSecretCheck.checkReady(),
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
    tracing,
    log,
  });
  const lifecycle = new GatewayLifecycle(config, {
    ...{ app, readiness, upgrades, live, domain, pool, agentserver, metrics, tracing, clock, log },
  });
  return lifecycle;
}
