import { createPool, type Pool } from '@codex-gateways/database';
import { createLogger, type Environment } from '@codex-gateways/service';
import { freePort, useTestDatabase } from '@codex-gateways/testing';
import { readConfig } from '../src/config.ts';
import { type AuthService, type AuthServiceDeps, createAuthService } from '../src/service.ts';
import { MovingClock } from './moving-clock.ts';

export const FIRST_USER = { email: 'dev@localhost', password: 'correct horse battery staple' };
export const INTERNAL_SECRET = 'internal-secret-of-the-tests';
export const MASTER_KEY = Buffer.alloc(32, 7);

/** Of the connections over which tests look at the database. */
export const PATIENCE = { connectionTimeoutMs: 60_000, statementTimeoutMs: 60_000 };

/** Settings with which a codex-auth starts on a free port of loopback. It is as patient as it can be: a busy machine is no trouble. */
export async function authEnvironment(databaseUrl: string, overrides: Environment = {}): Promise<Environment> {
  const port = String(await freePort());
  return {
    CODEX_AUTH_PORT: port,
    CODEX_AUTH_ISSUER_URL: `http://127.0.0.1:${port}`,
    CODEX_AUTH_DATABASE_URL: databaseUrl,
    CODEX_AUTH_MASTER_KEY: MASTER_KEY.toString('base64'),
    INTERNAL_API_SECRET: INTERNAL_SECRET,
    DEV_USER_EMAIL: FIRST_USER.email,
    DEV_USER_PASSWORD: FIRST_USER.password,
    LOG_LEVEL: 'silent',
    CODEX_AUTH_DATABASE_TIMEOUT: '1m',
    CODEX_AUTH_EXEC_GATEWAY_TIMEOUT: '30s',
    CODEX_AUTH_UPSTREAM_TIMEOUT: '12s',
    ...overrides,
  };
}

/** A codex-auth over a database of its own, with a clock that the test moves. */
export interface AuthFixture {
  /** Base URL and issuer alike, unless the overrides name another issuer. */
  readonly url: string;
  readonly databaseUrl: string;
  readonly clock: MovingClock;
  readonly service: AuthService;
  /** The service's database, to look at and to prepare. */
  readonly db: Pool;
}

/**
 * Registers hooks that start the service for the tests of a file or a `describe`, and end it after them.
 * @param overrides - settings, or what finds them when the tests begin
 */
export function useAuthService(
  overrides: Environment | (() => Promise<Environment>) = {},
  deps: Omit<AuthServiceDeps, 'clock'> = {},
): AuthFixture {
  const clock = new MovingClock();
  let service: AuthService | undefined;
  let pool: Pool | undefined;
  afterAll(async () => {
    await pool?.end();
    await service?.drain();
    await service?.close();
  });
  const database = useTestDatabase();
  beforeAll(async () => {
    const config = readConfig(
      await authEnvironment(database.url, typeof overrides === 'function' ? await overrides() : overrides),
    );
    const log = createLogger({ service: 'test', level: 'silent' });
    service = createAuthService(config, { log, ...deps, clock });
    await service.start();
  });
  const started = () => {
    if (!service) throw new TypeError('the service runs only while the tests run');
    return service;
  };
  return {
    get url() {
      return started().url;
    },
    get databaseUrl() {
      return database.url;
    },
    get db() {
      pool ??= createPool({ databaseUrl: database.url, applicationName: 'test', maxConnections: 2, ...PATIENCE });
      return pool;
    },
    get service() {
      return started();
    },
    clock,
  };
}
