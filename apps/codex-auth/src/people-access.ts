import type { Pool } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import { Router } from 'express';
import { CsrfGuard } from './accounts/csrf.ts';
import { formBody } from './accounts/form-body.ts';
import { homeRoutes } from './accounts/home-route.ts';
import { loginRoutes } from './accounts/login-route.ts';
import { logoutRoutes } from './accounts/logout-route.ts';
import { Sessions } from './accounts/sessions.ts';
import { SignIn } from './accounts/sign-in.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { Pages } from './pages/pages.ts';
import { createRateLimit } from './rate-limits/rate-limit-store.ts';

/** What the service hands to this part of it. */
export interface PeopleAccessDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditLog;
}

const LOGIN_WINDOW_SECONDS = 300;

/** The part of the composition root that people meet: sessions, the sign-in page, and what all pages share. */
export function createPeopleAccess(config: Config, { pool, clock, log, audit }: PeopleAccessDeps) {
  const { issuer } = config;
  const localSessions = new Sessions({
    db: pool,
    clock,
    idleSeconds: config.sessionIdleSeconds,
    lifetimeSeconds: config.sessionLifetimeSeconds,
    secure: issuer.startsWith('https:'),
  });
  const sessions = localSessions;
  const pages = new Pages({ issuer });
  const csrf = new CsrfGuard({ issuer });
  const signIn = new SignIn({
    db: pool,
    clock,
    sessions: localSessions,
    audit,
    attemptsBeforeLock: config.loginAttemptsBeforeLock,
    perAddress: createRateLimit(pool, {
      name: 'login',
      attempts: config.loginAttemptsPerAddress,
      windowSeconds: LOGIN_WINDOW_SECONDS,
    }),
  });
  const shared = { pages, csrf, sessions, issuer, formBody: formBody(config.maxBodyBytes) };
  const routes = Router();
  routes.use(
    pages.assets(),
    homeRoutes(shared),
    loginRoutes({ ...shared, signIn }),
    logoutRoutes({ ...shared, localSessions, audit }),
    databaseUnavailable(),
    pages.errors({ log }),
  );
  return { sessions, pages, csrf, routes };
}
