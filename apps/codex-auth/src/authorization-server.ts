import type { RequestListener } from 'node:http';
import { fileURLToPath } from 'node:url';
import { runMigrations } from '@codex-gateways/database';
import type { HotRoute } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { requireUser } from './accounts/require-user.ts';
import { Cleanup } from './cleanup/cleanup.ts';
import type { Config } from './config.ts';
import { createEmbeddedHandler, embeddedPaths, type HostRouter, registerAt } from './embedding.ts';
import { type AuthorizationServerConfig, completeConfig } from './embedding-config.ts';
import type { UpstreamTokenAccess } from './federation.ts';
import { createFoundation, type Foundation, type FoundationDeps } from './foundation.ts';
import { createKeyManagement } from './key-management.ts';
import { createOAuthEndpoints } from './oauth-endpoints.ts';
import { createPeopleAccess, type PeopleAccess } from './people-access.ts';
import type { KeyProvider } from './signing-keys/key-provider.ts';
import { createUpstreamClients } from './upstream-clients.ts';

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** The authorization server as another program embeds it: OAuth, OpenID Connect, device login, and signing people in. */
export interface AuthorizationServer {
  /** Answers every path of `routes()`, and 404 for others. The first request starts what `start` has not. */
  readonly handler: RequestListener;
  /** The paths that belong to it, each with the handler. A path that ends in a slash stands for everything below it. */
  routes(): ReadonlyMap<string, RequestListener>;
  /** Registers the handler for `routes()`; before anything that reads bodies. */
  registerHandlers(router: HostRouter): void;
  /** Its signing keys, for verifying its tokens without asking it over HTTP; after `start`. */
  readonly keyProvider: KeyProvider;
  /** The tokens that identity providers issued to users; undefined when none is configured. */
  readonly upstreamTokens: UpstreamTokenAccess | undefined;
  /** Migrates the database and reads the keys. Once; after a failure the next call tries again. */
  start(): Promise<void>;
  /** Ends everything; as often as it is called, it happens once. */
  close(): Promise<void>;
}

/** It together with what codex-auth adds its own API to. */
export interface AuthorizationServerParts extends Omit<AuthorizationServer, 'handler' | 'routes' | 'registerHandlers'> {
  /** For an express host with request ids, logs and safe headers of its own. */
  readonly router: Router;
  /** Those of its routes that a host without Express in front may answer first. */
  readonly hotRoutes: readonly HotRoute[];
  readonly people: PeopleAccess;
  /** Lets a signed-in person or an access token pass. */
  readonly withUser: RequestHandler;
  /** What administrators call. */
  readonly adminRoutes: Router;
}

/**
 * An authorization server for another program to embed. It keeps everything in the schema `codex_auth` of the database; any
 * number of replicas may share it. Nothing runs before `start`, or the first request.
 * @throws {ConfigError} naming what is missing or malformed
 */
export function createAuthorizationServer(
  settings: AuthorizationServerConfig,
  deps: FoundationDeps = {},
): AuthorizationServer {
  const config = completeConfig(settings);
  const foundation = createFoundation(config, deps);
  const parts = createAuthorizationServerParts(config, foundation);
  const { keyProvider, upstreamTokens, start } = parts;
  const handler = createEmbeddedHandler(config, { ...foundation, router: parts.router, start });
  const routes = () => new Map(embeddedPaths(config.issuer).map((path) => [path, handler] as const));
  const close = once(async () => {
    await parts.close();
    await foundation.close();
  });
  const registerHandlers = (router: HostRouter) => registerAt(router, routes());
  return { handler, routes, registerHandlers, keyProvider, upstreamTokens, start, close };
}

/** Wires it over a foundation that the caller ends after it. */
export function createAuthorizationServerParts(config: Config, foundation: Foundation): AuthorizationServerParts {
  const { keys, log, accounts } = foundation;
  const { issuer, databaseUrl, firstUser } = config;
  const upstreamClients = createUpstreamClients(config, foundation);
  const people = createPeopleAccess(config, { ...foundation, upstreamClients: upstreamClients.resolver });
  const oauth = createOAuthEndpoints(config, { ...foundation, ...people });
  const keyManagement = createKeyManagement(config, foundation);
  const withUser = requireUser({ sessions: people.sessions, accessTokens: foundation.accessTokens, issuer });
  const cleanup = new Cleanup({
    tasks: [...people.cleanupTasks, ...oauth.cleanupTasks],
    intervalMs: config.cleanupIntervalMs,
    batchRows: config.cleanupBatchRows,
    log,
  });
  const start = onceItWorks(async () => {
    await runMigrations({ databaseUrl, schema: 'codex_auth', directory: MIGRATIONS, log });
    await keyManagement.start();
    await upstreamClients.start();
    await oauth.start();
    if (firstUser && config.localAccounts) await accounts.ensureFirstUser(firstUser);
    cleanup.start();
  });
  return {
    router: Router().use(oauth.routes, keyManagement.routes, people.routes),
    hotRoutes: oauth.hotRoutes,
    adminRoutes: Router().use(keyManagement.adminRoutes(withUser), oauth.adminRoutes(withUser)),
    ...{ people, withUser, keyProvider: keys, upstreamTokens: people.upstreamTokens, start },
    close: once(async () => {
      await keyManagement.close();
      await cleanup.close();
      await people.close();
      await upstreamClients.close();
    }),
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

function onceItWorks(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => {
    result ??= work().catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}
