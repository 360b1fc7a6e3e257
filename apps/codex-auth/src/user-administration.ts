import type { Pool } from '@codex-gateways/database';
import type { Clock, Logger } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import type { Accounts } from './accounts/accounts.ts';
import type { CsrfGuard } from './accounts/csrf.ts';
import { formBody } from './accounts/form-body.ts';
import { OneTimePasswords } from './accounts/one-time-passwords.ts';
import { PasswordChange } from './accounts/password-change.ts';
import { passwordApiRoutes, passwordPageRoutes } from './accounts/password-route.ts';
import type { Passwords } from './accounts/passwords.ts';
import type { SessionResolver } from './accounts/session-resolver.ts';
import type { Sessions } from './accounts/sessions.ts';
import type { SignInUrl } from './accounts/sign-in-url.ts';
import { userAdminRoutes } from './administration/user-admin-routes.ts';
import { UserAdministration } from './administration/user-administration.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { UserGrants } from './oauth/user-grants.ts';
import { otherMethods } from './other-methods.ts';
import type { Pages } from './pages/pages.ts';
import type { RemoteSessions } from './remote-sessions/remote-sessions.ts';
import type { UpstreamIdentities } from './upstream/upstream-identities.ts';
import { upstreamIdentityRoutes } from './upstream/upstream-identities-route.ts';
import { accountRoutes } from './user-access/account-routes.ts';
import type { MachineCredentials } from './user-access/machine-credentials.ts';
import { sessionRoutes } from './user-access/session-routes.ts';
import { UserAccess } from './user-access/user-access.ts';
import { workspaceAdminRoutes } from './workspaces/workspace-admin-routes.ts';
import { WorkspaceAdministration } from './workspaces/workspace-administration.ts';
import { WorkspaceOversight } from './workspaces/workspace-oversight.ts';
import { workspaceOversightRoutes } from './workspaces/workspace-oversight-routes.ts';

/** What the service hands to this part of it. */
export interface UserAdministrationPartDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: AuditLog;
  readonly accounts: Accounts;
  readonly passwords: Passwords;
  readonly sessions: SessionResolver;
  /** Undefined when another product knows the sessions, and the passwords. */
  readonly localSessions: Sessions | undefined;
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly signInUrl: SignInUrl;
  readonly machineCredentials: MachineCredentials;
  readonly remoteSessions: Pick<RemoteSessions, 'list'>;
  readonly withUser: RequestHandler;
  /** Undefined without identity providers. */
  readonly upstreamIdentities: UpstreamIdentities | undefined;
}

/** The part of the composition root by which people manage their own access, administrators users, and owners workspaces. */
export function createUserAdministration(config: Config, deps: UserAdministrationPartDeps): Router {
  const { pool, clock, log, pages, localSessions, withUser } = deps;
  const access = new UserAccess({ ...deps, grants: new UserGrants({ db: pool, clock }) });
  const administration = new UserAdministration({
    ...deps,
    access,
    oneTimePasswords: new OneTimePasswords({ ...deps, lifetimeSeconds: config.oneTimePasswordLifetimeSeconds }),
  });
  const workspaces = new WorkspaceAdministration({
    ...deps,
    maxOwnedPerUser: config.workspacesPerUser,
    maxMembers: config.membersPerWorkspace,
  });
  const apiRoutes = Router().use(
    sessionRoutes({ access, withUser }),
    userAdminRoutes({ administration, withUser }),
    workspaceAdminRoutes({ administration: workspaces, withUser }),
    workspaceOversightRoutes({ oversight: new WorkspaceOversight(deps), withUser }),
  );
  if (deps.upstreamIdentities) {
    apiRoutes.use(upstreamIdentityRoutes({ identities: deps.upstreamIdentities, withUser }));
  }
  const hasPasswords = localSessions !== undefined && config.localAccounts;
  const forPages = { ...deps, access, hasPasswords, formBody: formBody(config.maxBodyBytes) };
  const pageRoutes = Router().use(accountRoutes(forPages));
  if (localSessions && config.localAccounts) {
    const { minPasswordLength } = config;
    const passwordChange = new PasswordChange({
      ...deps,
      sessions: localSessions,
      minPasswordLength,
      attemptsBeforeLock: config.loginAttemptsBeforeLock,
    });
    apiRoutes.use(passwordApiRoutes({ passwordChange, withUser }));
    pageRoutes.use(passwordPageRoutes({ ...forPages, localSessions, passwordChange, minPasswordLength }));
  }
  pageRoutes.use(otherMethods([pageRoutes]), databaseUnavailable(), pages.errors({ log }));
  return Router().use(pageRoutes, apiRoutes);
}
