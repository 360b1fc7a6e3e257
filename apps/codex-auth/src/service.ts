import { checkDatabase } from '@codex-gateways/database';
import {
  createApp,
  errorMiddleware,
  type HttpServer,
  hotRoutesBefore,
  listen,
  notFound,
  objectErrorForm,
  type ServedRoute,
  type Service,
  servedRoutes,
} from '@codex-gateways/service';
import { Router } from 'express';
import { meRoutes } from './accounts/me-route.ts';
import { createAuthorizationServerParts } from './authorization-server.ts';
import { Cleanup } from './cleanup/cleanup.ts';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { createFoundation, type Foundation, type FoundationDeps } from './foundation.ts';
import { createMachineAccess } from './machine-access.ts';
import { otherMethods } from './other-methods.ts';
import type { Bcrypt } from './remote-tokens/secret-hasher.ts';
import { upstreamTokenRoutes } from './upstream/upstream-token-route.ts';
import { createUserAdministration } from './user-administration.ts';
import { accountsCheckRoutes } from './workspaces/accounts-check-route.ts';
import { workspaceRoutes } from './workspaces/workspaces-route.ts';

const READINESS_TIMEOUT_MS = 2000;

export interface AuthServiceDeps extends Pick<FoundationDeps, 'clock' | 'log'> {
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
  const foundation = createFoundation(config, deps);
  const { log, metrics, tracing, pool } = foundation;
  const { issuer } = config;
  const parts = createParts(config, { ...foundation, bcrypt: deps.bcrypt });
  const { app, readiness } = createApp({
    log,
    metrics,
    tracing,
    checks: { database: () => checkDatabase(pool, READINESS_TIMEOUT_MS) },
  });
  app.set('trust proxy', config.trustedProxyHops);
  app.use(parts.routes);
  // Under the issuer's path too, for proxies that leave it on.
  const issuerPath = new URL(issuer).pathname.replace(/\/+$/, '');
  if (issuerPath !== '') app.use(issuerPath, parts.routes);
  app.use(notFound());
  app.use(databaseUnavailable(), errorMiddleware({ form: objectErrorForm, log }));
  const { trustedProxyHops } = config;
  const listener = hotRoutesBefore(app, parts.hotRoutes, { log, metrics, tracing, trustedProxyHops });
  let server: HttpServer | undefined;
  return {
    get url() {
      if (!server) throw new TypeError('the address is known after start');
      return server.url;
    },
    routes: servedRoutes(app),
    async start() {
      await tracing.start();
      await parts.start();
      server = await listen(listener, { host: config.host, port: config.port });
      log.info({ url: server.url, issuer }, 'listening');
    },
    async drain() {
      readiness.startDraining();
      parts.drain();
      await server?.close(config.drainTimeoutMs);
      await tracing.flush();
    },
    async close() {
      await server?.close(0);
      await parts.close();
      await tracing.close();
      await foundation.close();
    },
  };
}

/** Everything between the database and the HTTP server: the authorization server, and what codex-auth adds to it. */
function createParts(config: Config, deps: Foundation & { bcrypt: Bcrypt | undefined }) {
  const { log, memberships } = deps;
  const { issuer } = config;
  const authorizationServer = createAuthorizationServerParts(config, deps);
  const { people, withUser } = authorizationServer;
  const machines = createMachineAccess(config, { ...deps, withUser });
  const { machineCredentials, remoteSessions } = machines;
  const userAdministration = createUserAdministration(config, {
    ...{ ...deps, ...people, machineCredentials, remoteSessions, withUser },
  });
  const cleanup = new Cleanup({
    tasks: machines.cleanupTasks,
    intervalMs: config.cleanupIntervalMs,
    batchRows: config.cleanupBatchRows,
    log,
  });
  const routes = Router();
  // What gateways and clients call all the time comes first: a request is held against every route before its own.
  routes.use(machines.routes, authorizationServer.router);
  if (people.upstreamTokens) {
    routes.use(upstreamTokenRoutes({ ...people.upstreamTokens, ...config, log }));
  }
  routes.use(meRoutes({ withUser }), workspaceRoutes({ withUser, memberships }));
  routes.use(accountsCheckRoutes({ withUser, memberships, issuer }));
  routes.use(authorizationServer.adminRoutes);
  routes.use(userAdministration);
  routes.use(people.homeRoutes);
  routes.use(otherMethods([routes]));
  return {
    routes,
    hotRoutes: [...machines.hotRoutes, ...authorizationServer.hotRoutes],
    async start() {
      await authorizationServer.start();
      await machines.start();
      cleanup.start();
    },
    drain: () => machines.drain(),
    async close() {
      await machines.close();
      await cleanup.close();
      await authorizationServer.close();
    },
  };
}
