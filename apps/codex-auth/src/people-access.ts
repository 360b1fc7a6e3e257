import type { Sealer } from '@codex-gateways/crypto';
import type { Pool } from '@codex-gateways/database';
import { type Clock, createInternalClient, type Logger } from '@codex-gateways/service';
import { Router } from 'express';
import type { Accounts } from './accounts/accounts.ts';
import { AgentserverSessions } from './accounts/agentserver-sessions.ts';
import { CsrfGuard } from './accounts/csrf.ts';
import { ExternalUsers } from './accounts/external-users.ts';
import { formBody } from './accounts/form-body.ts';
import { homeRoutes } from './accounts/home-route.ts';
import { loginRoutes } from './accounts/login-route.ts';
import { logoutRoutes } from './accounts/logout-route.ts';
import type { Passwords } from './accounts/passwords.ts';
import { Sessions } from './accounts/sessions.ts';
import { SignIn } from './accounts/sign-in.ts';
import { createSignInUrl } from './accounts/sign-in-url.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { createFederation } from './federation.ts';
import { otherMethods } from './other-methods.ts';
import { Pages } from './pages/pages.ts';
import { createAddressRateLimit } from './rate-limits/address-rate-limit.ts';
import { deleteElapsedCounters } from './rate-limits/rate-limit-store.ts';
import type { UpstreamClientResolver } from './upstream-registration/upstream-client-resolver.ts';

/** What the service hands to this part of it. */
export interface PeopleAccessDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly passwords: Passwords;
  /** As which client this server signs people in at their identity provider. */
  readonly upstreamClients: Pick<UpstreamClientResolver, 'resolve'>;
  readonly accounts: Accounts;
  readonly sealer: Sealer;
}

const LOGIN_WINDOW_SECONDS = 300;

export type PeopleAccess = ReturnType<typeof createPeopleAccess>;

/** The part of the composition root that people meet: sessions, signing in, and what all pages share. */
export function createPeopleAccess(config: Config, deps: PeopleAccessDeps) {
  const { issuer } = config;
  const { pool, clock, log, audit } = deps;
  const localSessions = new Sessions({
    db: pool,
    clock,
    idleSeconds: config.sessionIdleSeconds,
    lifetimeSeconds: config.sessionLifetimeSeconds,
    secure: issuer.startsWith('https:'),
  });
  const outside = createOutsideSessions(config, deps);
  const sessions = outside?.sessions ?? localSessions;
  const pages = new Pages({ issuer });
  const csrf = new CsrfGuard({ issuer });
  const signInUrl = createSignInUrl(config);
  const shared = { pages, csrf, sessions, signInUrl, issuer, audit, formBody: formBody(config.maxBodyBytes) };
  const routes = Router().use(pages.assets());
  if (!outside) {
    const signIn = config.localAccounts ? createSignIn(config, { ...deps, sessions: localSessions }) : undefined;
    const { upstreams } = config;
    routes.use(loginRoutes({ ...shared, signIn, upstreams }), logoutRoutes({ ...shared, localSessions, signIn }));
  }
  const federation = outside
    ? undefined
    : createFederation(config, { ...deps, sessions: localSessions, pages, clients: deps.upstreamClients });
  if (federation) routes.use(federation.routes);
  const home = homeRoutes({ ...shared, ownSessions: !outside });
  const pageEnd = (part: Router) => part.use(otherMethods([part]), databaseUnavailable(), pages.errors({ log }));
  const cleanupTasks = [
    { name: 'sessions', deleteBatch: (limit: number) => localSessions.deleteEnded(limit) },
    { name: 'rate limits', deleteBatch: (limit: number) => deleteElapsedCounters(pool, limit) },
    ...(federation?.cleanupTasks ?? []),
  ];
  return {
    ...{ sessions, pages, csrf, signInUrl, cleanupTasks },
    /** Signing in and out. */
    routes: pageEnd(routes),
    /** What the base URL shows, where it is this service's own. */
    homeRoutes: pageEnd(Router().use(home)),
    /** Undefined when another product knows the sessions, and the passwords. */
    localSessions: outside ? undefined : localSessions,
    /** Undefined without identity providers. */
    upstreamTokens: federation?.upstreamTokens,
    upstreamIdentities: federation?.upstreamIdentities,
    close: async () => outside?.client.close(),
  };
}

function createSignIn(config: Config, deps: PeopleAccessDeps & { sessions: Sessions }): SignIn {
  return new SignIn({
    ...deps,
    db: deps.pool,
    attemptsBeforeLock: config.loginAttemptsBeforeLock,
    perAddress: createAddressRateLimit(deps.pool, {
      name: 'login',
      attempts: config.loginAttemptsPerAddress,
      windowSeconds: LOGIN_WINDOW_SECONDS,
    }),
  });
}

/** Undefined unless another product knows the sessions. */
function createOutsideSessions({ agentserverSessionUrl }: Config, { pool, log }: PeopleAccessDeps) {
  if (agentserverSessionUrl === undefined) return undefined;
  const { origin, pathname } = new URL(agentserverSessionUrl);
  const client = createInternalClient({ baseUrl: origin });
  const users = new ExternalUsers({ db: pool, log });
  return { client, sessions: new AgentserverSessions({ client, path: pathname, users, log }) };
}
