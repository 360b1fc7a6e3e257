import { type Config, masterKeyDoesNotOpen } from './config.ts';
import type { Foundation } from './foundation.ts';
import { resealAll, WrongMasterKeyError } from './sealing/resealing.ts';
import type { SealedColumn } from './sealing/sealed-row-store.ts';
import type { DcrCredentialStore } from './upstream-registration/dcr-credentials.ts';
import { postgresDcrEntries } from './upstream-registration/dcr-credentials-store.ts';
import { createInMemoryDcrCredentialStore } from './upstream-registration/in-memory-dcr-credentials.ts';
import { RedisConnection } from './upstream-registration/redis-connection.ts';
import { redisDcrColumn, redisDcrEntries } from './upstream-registration/redis-dcr-credentials-store.ts';
import { RedisResealing } from './upstream-registration/redis-resealing.ts';
import { createRegistrationMetrics } from './upstream-registration/registration-metrics.ts';
import { createSealedDcrCredentialStore } from './upstream-registration/sealed-dcr-credentials.ts';
import { UpstreamClientResolver } from './upstream-registration/upstream-client-resolver.ts';
import { UpstreamRegistrations } from './upstream-registration/upstream-registrations.ts';

export interface UpstreamClients {
  readonly resolver: UpstreamClientResolver;
  start(): Promise<void>;
  close(): Promise<void>;
}

const REDIS_TIMEOUT_MS = 5000;
/** Between two looks at a Redis that was away at the start. */
const REDIS_RETRY_MS = 2000;

/** The part of the composition root that knows which client this server is at each upstream, and registers it where it is none. */
export function createUpstreamClients(config: Config, foundation: Foundation): UpstreamClients {
  const { clock, log, sealer, pool, metrics } = foundation;
  const { issuer, upstreamTimeoutMs: timeoutMs } = config;
  const kept = createStore(config, foundation);
  const observer = createRegistrationMetrics(metrics);
  const { sealedColumns: columns } = kept;
  const reseal = () =>
    resealAll({ db: pool, sealer, log, columns }).catch((error: unknown) => {
      throw error instanceof WrongMasterKeyError ? masterKeyDoesNotOpen(error.what) : error;
    });
  const resealing = new RedisResealing({ reseal, log, retryMs: REDIS_RETRY_MS });
  const registrations = new UpstreamRegistrations({ pool, store: kept.store, clock, log, observer, timeoutMs });
  return {
    resolver: new UpstreamClientResolver({ issuer, clock, registrations, timeoutMs }),
    /** @throws {ConfigError} when no configured master key opens what is kept outside the database */
    async start() {
      if (!config.upstreams.some(({ clientId }) => clientId === undefined)) return;
      if (config.dcrStore === 'memory') {
        log.warn('registrations at upstreams are kept in memory: each replica, and each start, registers anew');
      }
      await resealing.start();
    },
    async close() {
      await resealing.close();
      await kept.close();
    },
  };
}

interface KeptRegistrations {
  readonly store: DcrCredentialStore;
  /** Those that are not in the database. */
  readonly sealedColumns: readonly SealedColumn[];
  close(): Promise<void>;
}

function createStore({ dcrStore, redis, issuer }: Config, { pool, sealer, log }: Foundation): KeptRegistrations {
  const close = async () => undefined;
  if (dcrStore === 'memory') return { store: createInMemoryDcrCredentialStore(), sealedColumns: [], close };
  if (dcrStore === 'redis' && redis) {
    const connection = new RedisConnection({ ...redis, timeoutMs: REDIS_TIMEOUT_MS, log });
    return {
      store: createSealedDcrCredentialStore({ entries: redisDcrEntries(connection), sealer }),
      sealedColumns: [redisDcrColumn(connection, issuer)],
      close: () => connection.close(),
    };
  }
  const entries = postgresDcrEntries(pool);
  return { store: createSealedDcrCredentialStore({ entries, sealer }), sealedColumns: [], close };
}
