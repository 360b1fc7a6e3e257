import type { Sealer } from '@codex-gateways/crypto';
import type { Pool } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import { Router } from 'express';
import type { Accounts } from './accounts/accounts.ts';
import type { Sessions } from './accounts/sessions.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { CleanupTask } from './cleanup/cleanup.ts';
import type { Config } from './config.ts';
import type { Pages } from './pages/pages.ts';
import { createAddressRateLimit } from './rate-limits/address-rate-limit.ts';
import { PendingSignIns } from './upstream/pending-sign-ins.ts';
import type { UpstreamClients } from './upstream/upstream-clients.ts';
import { UpstreamIdentities } from './upstream/upstream-identities.ts';
import { upstreamLoginRoutes } from './upstream/upstream-login-route.ts';
import { UpstreamProvider } from './upstream/upstream-provider.ts';
import { UpstreamSignIn } from './upstream/upstream-sign-in.ts';
import { UpstreamTokenRefresher } from './upstream/upstream-token-refresher.ts';
import { UpstreamTokenStorage } from './upstream/upstream-token-storage.ts';
import { UpstreamUsers } from './upstream/upstream-users.ts';

/** What the sign-in part hands to this one. */
export interface FederationDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly sealer: Sealer;
  readonly accounts: Accounts;
  /** Of this service's own. */
  readonly sessions: Sessions;
  readonly pages: Pages;
  /** For providers where this server registers itself. */
  readonly clients: UpstreamClients;
}

/** What providers issued to users for the providers' own APIs. */
export interface UpstreamTokenAccess {
  /** What each live session of a user has, as it was issued. */
  readonly storage: Pick<UpstreamTokenStorage, 'listLive'>;
  /** An access token that can be used now. */
  readonly refresher: Pick<UpstreamTokenRefresher, 'fresh'>;
}

export interface Federation {
  /** Where people go to a provider, and come back. */
  readonly routes: Router;
  readonly upstreamTokens: UpstreamTokenAccess;
  /** Lets administrators say who somebody at a provider is. */
  readonly upstreamIdentities: UpstreamIdentities;
  readonly cleanupTasks: readonly CleanupTask[];
}

const START_WINDOW_SECONDS = 300;

/** The part of the composition root that stands in front of identity providers; undefined when none is configured. */
export function createFederation(config: Config, deps: FederationDeps): Federation | undefined {
  if (config.upstreams.length === 0) return undefined;
  const { pool, clock } = deps;
  const providers = createProviders(config, deps);
  const pending = new PendingSignIns({
    db: pool,
    clock,
    lifetimeSeconds: config.upstreamSignInLifetimeSeconds,
    secure: config.issuer.startsWith('https:'),
  });
  const storage = new UpstreamTokenStorage({ ...deps, sessionIdleSeconds: config.sessionIdleSeconds });
  const signIn = new UpstreamSignIn({ ...deps, providers, pending, storage, users: new UpstreamUsers(deps) });
  const perAddress = createAddressRateLimit(pool, {
    name: 'upstream-login',
    attempts: config.loginAttemptsPerAddress,
    windowSeconds: START_WINDOW_SECONDS,
  });
  return {
    routes: Router().use(upstreamLoginRoutes({ ...deps, providers, pending, signIn, perAddress })),
    upstreamTokens: {
      storage,
      refresher: new UpstreamTokenRefresher({
        ...{ ...deps, storage, providers },
        maxConcurrent: Math.max(1, Math.floor(config.databasePoolSize / 4)),
      }),
    },
    upstreamIdentities: new UpstreamIdentities({ ...deps, upstreams: config.upstreams }),
    cleanupTasks: [{ name: 'upstream sign-ins', deleteBatch: (limit) => pending.deleteExpired(limit) }],
  };
}

function createProviders(config: Config, { clock, clients }: FederationDeps): ReadonlyMap<string, UpstreamProvider> {
  const { upstreams, upstreamTimeoutMs: timeoutMs } = config;
  const users = (redirectUri: string) => upstreams.filter((each) => each.redirectUri === redirectUri).length;
  return new Map(
    upstreams.map((upstream) => {
      const sharesRedirectUri = users(upstream.redirectUri) > 1;
      return [upstream.name, new UpstreamProvider({ upstream, clients, clock, timeoutMs, sharesRedirectUri })];
    }),
  );
}
