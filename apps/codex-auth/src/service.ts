import { fileURLToPath } from 'node:url';
import { createSealer } from '@codex-gateways/crypto';
import { checkDatabase, createPool, type Pool, runMigrations } from '@codex-gateways/database';
import {
  type Clock,
  createApp,
  createLogger,
  createMetrics,
  errorMiddleware,
  type HttpServer,
  type Logger,
  listen,
  notFound,
  objectErrorForm,
  type Service,
  systemClock,
} from '@codex-gateways/service';
import { Router } from 'express';
import { Accounts } from './accounts/accounts.ts';
import { meRoutes } from './accounts/me-route.ts';
import { Passwords } from './accounts/passwords.ts';
import { requireUser } from './accounts/require-user.ts';
import { createAuditLog } from './audit/audit-log.ts';
import { createAuthorizationServer } from './authorization-server.ts';
import { Cleanup } from './cleanup/cleanup.ts';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { createKeyManagement } from './key-management.ts';
import { createMachineAccess } from './machine-access.ts';
import { AccessTokens } from './oauth/access-tokens.ts';
import { otherMethods } from './other-methods.ts';
import { createPeopleAccess } from './people-access.ts';
import type { Bcrypt } from './remote-tokens/secret-hasher.ts';
import { type ServedRoute, servedRoutes } from './served-routes.ts';
import { SealedSecrets } from './signing-keys/sealed-secrets.ts';
import { SigningKeys } from './signing-keys/signing-keys.ts';
import { createUserAdministration } from './user-administration.ts';
import { accountsCheckRoutes } from './workspaces/accounts-check-route.ts';
import { Memberships } from './workspaces/memberships.ts';
import { workspaceRoutes } from './workspaces/workspaces-route.ts';

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));
const READINESS_TIMEOUT_MS = 2000;

export interface AuthServiceDeps {
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Tests count its calls. */
  readonly bcrypt?: Bcrypt;
}

export interface AuthService extends Service {
  /** Where it listens, `http://host:port`; known after `start`. */
  readonly url: string;
  /** Every route that it has. */
  readonly routes: readonly ServedRoute[];
}

/** The composition root: everything that codex-auth consists of, wired top to bottom. Nothing runs before `start`. */
export function createAuthService(config: Config, deps: AuthServiceDeps = {}): AuthService {
  const log = deps.log ?? createLogger({ service: 'codex-auth', level: config.logLevel });
  const { issuer, databaseUrl } = config;
  const maxConnections = config.databasePoolSize;
  const pool = createPool({ databaseUrl, applicationName: 'codex-auth', maxConnections, log });
  const metrics = createMetrics('codex-auth');
  const parts = createParts(config, { ...deps, log, pool });
  const { app, readiness } = createApp({
    log,
    metrics,
    checks: { database: () => checkDatabase(pool, READINESS_TIMEOUT_MS) },
  });
  app.set('trust proxy', config.trustedProxyHops);
  app.use(parts.routes);
  // Under the issuer's path too, for proxies that leave it on.
  const issuerPath = new URL(issuer).pathname.replace(/\/+$/, '');
  if (issuerPath !== '') app.use(issuerPath, parts.routes);
  app.use(notFound());
  app.use(databaseUnavailable(), errorMiddleware({ form: objectErrorForm, log }));
  let server: HttpServer | undefined;
  return {
    get url() {
      if (!server) throw new TypeError('the address is known after start');
      return server.url;
    },
    routes: servedRoutes(app),
    async start() {
      await runMigrations({ databaseUrl, schema: 'codex_auth', directory: MIGRATIONS, log });
      await parts.start();
      server = await listen(app, { host: config.host, port: config.port });
      log.info({ url: server.url, issuer }, 'listening');
    },
    async drain() {
      readiness.startDraining();
      await server?.close(config.drainTimeoutMs);
    },
    async close() {
      await server?.close(0);
      await parts.close();
      await pool.end();
      metrics.close();
    },
  };
}

/** Everything between the database and the HTTP server. */
function createParts(config: Config, deps: AuthServiceDeps & { log: Logger; pool: Pool }) {
  const { log, pool, clock = systemClock } = deps;
  const { issuer } = config;
  const sealer = createSealer({ current: config.masterKey, previous: config.previousMasterKeys });
  const keys = new SigningKeys({ db: pool, sealer, clock });
  const passwords = new Passwords({
    maxConcurrent: config.passwordMaxConcurrent,
    maxWaiting: config.passwordMaxWaiting,
  });
  const accounts = new Accounts({ db: pool, passwords });
  const memberships = new Memberships({ db: pool });
  const secrets = new SealedSecrets({ db: pool, sealer });
  const accessTokens = new AccessTokens({ db: pool, keys, clock });
  const shared = { pool, clock, log, audit: createAuditLog(pool), keys, accessTokens, memberships };
  const people = createPeopleAccess(config, { ...shared, passwords });
  const oauth = createAuthorizationServer(config, { ...shared, ...people, secrets });
  const withUser = requireUser({ sessions: people.sessions, accessTokens, issuer });
  const machines = createMachineAccess(config, { ...shared, withUser, bcrypt: deps.bcrypt });
  const { machineCredentials } = machines;
  const userAdministration = createUserAdministration(config, {
    ...{ ...shared, ...people, accounts, passwords, machineCredentials, withUser },
  });
  const keyManagement = createKeyManagement(config, { ...shared, sealer, withUser });
  const cleanup = new Cleanup({
    tasks: [...people.cleanupTasks, ...oauth.cleanupTasks, ...machines.cleanupTasks],
    intervalMs: config.cleanupIntervalMs,
    batchRows: config.cleanupBatchRows,
    log,
  });
  const routes = Router();
  // What gateways and clients call all the time comes first: a request is held against every route before its own.
  routes.use(machines.routes, oauth.routes);
  routes.use(keyManagement.routes);
  routes.use(meRoutes({ withUser }), workspaceRoutes({ withUser, memberships }));
  routes.use(accountsCheckRoutes({ withUser, memberships, issuer }));
  routes.use(oauth.adminRoutes(withUser));
  routes.use(userAdministration);
  routes.use(people.routes);
  routes.use(otherMethods([routes]));
  return {
    routes,
    async start() {
      await keyManagement.start();
      await oauth.start();
      if (config.firstUser) await accounts.ensureFirstUser(config.firstUser);
      machines.start();
      cleanup.start();
    },
    async close() {
      await keyManagement.close();
      await machines.close();
      await cleanup.close();
      await people.close();
    },
  };
}
