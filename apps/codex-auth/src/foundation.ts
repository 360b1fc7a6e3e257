import { createSealer, type Sealer } from '@codex-gateways/crypto';
import { createPool, type Pool } from '@codex-gateways/database';
import {
  type Clock,
  createLogger,
  createMetrics,
  createTracing,
  databaseSpans,
  type Logger,
  type Metrics,
  observePool,
  systemClock,
  type Tracing,
} from '@codex-gateways/service';
import { Accounts } from './accounts/accounts.ts';
import { Passwords } from './accounts/passwords.ts';
import { type AuditLog, type AuditTrail, createAuditLog } from './audit/audit-log.ts';
import type { Config } from './config.ts';
import { AccessTokens } from './oauth/access-tokens.ts';
import { SealedSecrets } from './signing-keys/sealed-secrets.ts';
import { SigningKeys } from './signing-keys/signing-keys.ts';
import { Memberships } from './workspaces/memberships.ts';

/** For a place in the pool, too: who waits longer than that is better told so. An operator who is more patient with answers is so here. */
const CONNECTION_WAIT_MS = 5000;
const PART_OF_THE_DATABASE_TIMEOUT = 5 / 16;

/** What a host hands in. */
export interface FoundationDeps {
  readonly clock?: Clock | undefined;
  readonly log?: Logger | undefined;
  /** Where series go; the host closes it. */
  readonly metrics?: Metrics | undefined;
}

/** What every part of the composition stands on. */
export interface Foundation {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly audit: AuditLog & AuditTrail;
  readonly sealer: Sealer;
  readonly keys: SigningKeys;
  readonly secrets: SealedSecrets;
  readonly passwords: Passwords;
  readonly accounts: Accounts;
  readonly memberships: Memberships;
  readonly accessTokens: AccessTokens;
  close(): Promise<void>;
}

/** Opens nothing before the first query. */
export function createFoundation(config: Config, deps: FoundationDeps = {}): Foundation {
  const { clock = systemClock, log = createLogger({ service: 'codex-auth', level: config.logLevel }) } = deps;
  const metrics = deps.metrics ?? createMetrics('codex-auth');
  const pool = createPool({
    databaseUrl: config.databaseUrl,
    applicationName: 'codex-auth',
    maxConnections: config.databasePoolSize,
    ...databaseTimeouts(config.databaseTimeoutMs),
    log,
    observer: databaseSpans,
  });
  observePool(metrics, pool);
  const sealer = createSealer({ current: config.masterKey, previous: config.previousMasterKeys });
  const keys = new SigningKeys({ db: pool, sealer, clock });
  const passwords = new Passwords({
    maxConcurrent: config.passwordMaxConcurrent,
    maxWaiting: config.passwordMaxWaiting,
  });
  return {
    ...{ pool, clock, log, metrics, sealer, keys, passwords },
    tracing: createTracing(config.tracing, { service: 'codex-auth', log }),
    audit: createAuditLog(pool),
    secrets: new SealedSecrets({ db: pool, sealer }),
    accounts: new Accounts({ db: pool, passwords }),
    memberships: new Memberships({ db: pool }),
    accessTokens: new AccessTokens({ db: pool, keys, clock }),
    async close() {
      await pool.end();
      if (!deps.metrics) metrics.close();
    },
  };
}

/** A server that is slow ends a statement itself; one that has gone silent is given up a little later. */
function databaseTimeouts(databaseTimeoutMs: number) {
  const partMs = Math.ceil(databaseTimeoutMs * PART_OF_THE_DATABASE_TIMEOUT);
  return {
    connectionTimeoutMs: Math.min(databaseTimeoutMs, Math.max(CONNECTION_WAIT_MS, partMs)),
    statementTimeoutMs: Math.ceil((databaseTimeoutMs * 15) / 16),
    queryTimeoutMs: databaseTimeoutMs,
  };
}
