import { createPool, type Pool, runMigrations } from '@codex-gateways/database';
import { createLogger, createMetrics, type Metrics } from '@codex-gateways/service';
import { useTestDatabase } from '@codex-gateways/testing';
import type { DcrCredentialStore } from '../src/upstream-registration/dcr-credentials.ts';
import { createInMemoryDcrCredentialStore } from '../src/upstream-registration/in-memory-dcr-credentials.ts';
import { createRegistrationMetrics } from '../src/upstream-registration/registration-metrics.ts';
import { UpstreamClientResolver } from '../src/upstream-registration/upstream-client-resolver.ts';
import { UpstreamRegistrations } from '../src/upstream-registration/upstream-registrations.ts';
import { MovingClock } from './moving-clock.ts';
import { PATIENCE } from './use-auth-service.ts';

/** Resolvers over one database, as replicas have them. */
export interface UpstreamClientsFixture {
  readonly clock: MovingClock;
  readonly pool: Pool;
  readonly metrics: Metrics;
  /** Lines of the log so far. */
  readonly logged: readonly Record<string, unknown>[];
  newResolver(options?: {
    store?: DcrCredentialStore;
    issuer?: string;
    timeoutMs?: number | undefined;
  }): UpstreamClientResolver;
}

export const OWN_ISSUER = 'https://auth.example';

export function useUpstreamClients(): UpstreamClientsFixture {
  const database = useTestDatabase();
  const clock = new MovingClock();
  const logged: Record<string, unknown>[] = [];
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => logged.push(JSON.parse(line)) });
  const metrics = createMetrics('test');
  const observer = createRegistrationMetrics(metrics);
  let pool: Pool;
  beforeAll(async () => {
    const directory = new URL('../migrations', import.meta.url).pathname;
    await runMigrations({ databaseUrl: database.url, schema: 'codex_auth', directory });
    pool = createPool({ databaseUrl: database.url, applicationName: 'test', maxConnections: 4, ...PATIENCE });
  });
  afterAll(async () => {
    await pool.end();
    metrics.close();
  });
  return {
    ...{ clock, logged, metrics },
    get pool() {
      return pool;
    },
    newResolver({ store = createInMemoryDcrCredentialStore(), issuer = OWN_ISSUER, timeoutMs = 30_000 } = {}) {
      const registrations = new UpstreamRegistrations({ pool, store, clock, log, observer, timeoutMs });
      return new UpstreamClientResolver({ issuer, clock, registrations, timeoutMs });
    },
  };
}
