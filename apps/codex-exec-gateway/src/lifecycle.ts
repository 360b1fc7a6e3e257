import { fileURLToPath } from 'node:url';
import { createListener, type Listener, type Pool, runMigrations } from '@codex-gateways/database';
import {
  type Clock,
  type HttpServer,
  type InternalClient,
  type Logger,
  listen,
  type Metrics,
  type Readiness,
  type Tracing,
} from '@codex-gateways/service';
import type { Express } from 'express';
import { deleteForgottenHomes } from './app-server-homes/app-server-homes-store.ts';
import { deleteOldAuditEvents } from './audit/audit-events-store.ts';
import { catchUp, reactToClusterEvent } from './cluster-reactions.ts';
import type { Config } from './config.ts';
import { CLUSTER_EVENTS_CHANNEL } from './connections/cluster-events.ts';
import { endAbandonedConnections } from './connections/connection-history-store.ts';
import { drainConnections } from './connections/drain-connections.ts';
import { deleteDeadReplicas } from './connections/replicas-store.ts';
import type { Domain, LiveState } from './domain.ts';
import { deleteExpiredRegistrations } from './registration/executor-registrations-store.ts';
import { deleteAbandonedSlots } from './relay/turn-bridges-store.ts';
import { deleteExpiredRevocations } from './revocation/revoked-turns-store.ts';
import type { ExecGateway } from './service.ts';
import { Sweeper } from './sweeper.ts';
import type { UpgradeRouter } from './upgrade-router.ts';

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));
/** How late a bridge may close after its turn's capability has ended. */
const EXPIRY_CHECK_MS = 1000;
/** A replica whose lease is over for so long does not come back. */
const DEAD_REPLICA_SECONDS = 60;

/** A workspace that nobody used for so long is given to whoever asks for it. */
const FORGOTTEN_HOME_SECONDS = 365 * 24 * 3600;

interface Parts {
  readonly app: Express;
  readonly readiness: Readiness;
  readonly upgrades: UpgradeRouter;
  readonly live: LiveState;
  readonly domain: Domain;
  readonly pool: Pool;
  readonly agentserver: InternalClient;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Starts and ends the parts of the gateway in an order in which none lacks what it needs. */
export class GatewayLifecycle implements ExecGateway {
  readonly #config: Config;
  readonly #parts: Parts;
  readonly #sweeper: Sweeper;
  #server: HttpServer | undefined;
  #listener: Listener | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;

  constructor(config: Config, parts: Parts) {
    this.#config = config;
    this.#parts = parts;
    this.#sweeper = new Sweeper(sweepTasks(config, parts), parts.log);
  }

  get url(): string {
    if (!this.#server) throw new TypeError('the address is known after start');
    return this.#server.url;
  }

  /** @throws when news of other replicas do not arrive */
  checkListener(): void {
    if (!this.#listener?.connected) throw new Error('the listener is not connected');
  }

  async start(): Promise<void> {
    const { host, port, databaseUrl, cluster, limits } = this.#config;
    const { app, upgrades, live, domain, tracing, clock, log } = this.#parts;
    await tracing.start();
    await runMigrations({ databaseUrl, schema: 'codex_exec', directory: MIGRATIONS, log });
    await domain.record.start(cluster.leaseRenewalMs);
    await this.#listen();
    await domain.revokedTurns.load(); // after listening: what is revoked in between arrives either way
    domain.revokedTurns.start();
    live.heartbeat.start(limits.pingIntervalMs);
    this.#expiryTimer = setInterval(() => live.liveHarnesses.closeExpired(clock.nowSeconds()), EXPIRY_CHECK_MS);
    this.#sweeper.start(cluster.sweepIntervalMs);
    domain.ownerCheck.start(this.#config.ownerCheckIntervalMs);
    this.#server = await listen(app, { host, port, onUpgrade: upgrades.listener });
    log.info({ url: this.#server.url }, 'listening');
  }

  async drain(): Promise<void> {
    const { drainTimeoutMs } = this.#config;
    const { readiness, live, upgrades, tracing } = this.#parts;
    readiness.startDraining();
    await drainConnections(live, drainTimeoutMs);
    await upgrades.closed();
    await this.#server?.close(drainTimeoutMs);
    await tracing.flush();
  }

  async close(): Promise<void> {
    const { live, upgrades, domain, agentserver, pool, metrics, tracing, log } = this.#parts;
    clearInterval(this.#expiryTimer);
    live.heartbeat.close();
    upgrades.destroyAll();
    await this.#server?.close(0);
    await this.#sweeper.close();
    await domain.ownerCheck.close();
    await domain.revokedTurns.close();
    await domain.turnBridges.flush();
    await this.#listener?.close();
    await domain.record.close().catch((error: unknown) => log.warn({ err: error }, 'the lease runs out by itself'));
    await agentserver.close();
    await pool.end();
    await tracing.close();
    metrics.close();
  }

  async #listen(): Promise<void> {
    const { live, domain, log } = this.#parts;
    const services = { ...live, ...domain };
    const onMissed = () => {
      catchUp(services).catch((error: unknown) => log.warn({ err: error }, 'bindings could not be read again'));
    };
    this.#listener = createListener({ databaseUrl: this.#config.databaseUrl, log });
    await this.#listener.listen(CLUSTER_EVENTS_CHANNEL, (payload) => reactToClusterEvent(payload, services), onMissed);
  }
}

function sweepTasks({ auditRetentionSeconds: retentionSeconds }: Config, { pool, clock, domain }: Parts) {
  return {
    registrations: (limit: number) => deleteExpiredRegistrations(pool, { nowSeconds: clock.nowSeconds(), limit }),
    revocations: (limit: number) => deleteExpiredRevocations(pool, { now: clock.now(), limit }),
    history: (limit: number) => endAbandonedConnections(pool, { deadForSeconds: DEAD_REPLICA_SECONDS, limit }),
    replicas: (limit: number) => deleteDeadReplicas(pool, { deadForSeconds: DEAD_REPLICA_SECONDS, limit }),
    bridges: async (limit: number) => {
      await domain.turnBridges.flush();
      return deleteAbandonedSlots(pool, { deadForSeconds: DEAD_REPLICA_SECONDS, limit });
    },
    homes: (limit: number) => deleteForgottenHomes(pool, { unusedForSeconds: FORGOTTEN_HOME_SECONDS, limit }),
    auditEvents: (limit: number) => deleteOldAuditEvents(pool, { retentionSeconds, limit }),
  };
}
