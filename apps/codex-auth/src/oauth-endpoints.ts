import type { Pool } from '@codex-gateways/database';
import type { Clock, HotRoute, Logger, Metrics } from '@codex-gateways/service';
import { Router } from 'express';
import type { CsrfGuard } from './accounts/csrf.ts';
import { formBody } from './accounts/form-body.ts';
import type { SessionResolver } from './accounts/session-resolver.ts';
import type { SignInUrl } from './accounts/sign-in-url.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { CleanupTask } from './cleanup/cleanup.ts';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { deviceAuthorizationRoutes } from './device-login/device-authorization-route.ts';
import { deviceCodeGrant } from './device-login/device-code-grant.ts';
import { DeviceLogins } from './device-login/device-logins.ts';
import { devicePageRoutes } from './device-login/device-page-route.ts';
import { deviceauthRoutes } from './device-login/deviceauth-routes.ts';
import { metadataRoutes } from './discovery/metadata-routes.ts';
import { createDynamicRegistration, type DynamicRegistration } from './dynamic-registration.ts';
import type { AccessTokens } from './oauth/access-tokens.ts';
import { Authorization } from './oauth/authorization.ts';
import { AuthorizationCodes } from './oauth/authorization-codes.ts';
import { authorizeRoutes } from './oauth/authorize-route.ts';
import { ClientAssertions } from './oauth/client-assertions.ts';
import { ClientAuthentication } from './oauth/client-authentication.ts';
import { Clients, DEVICE_CODE_GRANT } from './oauth/clients.ts';
import { DirectGrants } from './oauth/direct-grants.ts';
import { expiredTokenTasks } from './oauth/expired-tokens.ts';
import { authorizationCodeGrant } from './oauth/grants/authorization-code-grant.ts';
import { refreshTokenGrant } from './oauth/grants/refresh-token-grant.ts';
import { Grants } from './oauth/grants.ts';
import { introspectRoutes } from './oauth/introspect-route.ts';
import { Introspection } from './oauth/introspection.ts';
import { oauthErrors } from './oauth/oauth-error.ts';
import { oauthBody } from './oauth/parameters.ts';
import { RefreshTokens } from './oauth/refresh-tokens.ts';
import { Revocation } from './oauth/revocation.ts';
import { revokeRoutes } from './oauth/revoke-route.ts';
import { SigningQueue } from './oauth/signing-queue.ts';
import { createTokenMetrics } from './oauth/token-metrics.ts';
import { TokenResponses } from './oauth/token-response.ts';
import { tokenRoutes } from './oauth/token-route.ts';
import { userinfoRoutes } from './oauth/userinfo-route.ts';
import { otherMethods } from './other-methods.ts';
import type { Pages } from './pages/pages.ts';
import { createAddressRateLimit } from './rate-limits/address-rate-limit.ts';
import { createRateLimit } from './rate-limits/rate-limit-store.ts';
import type { KeyProvider } from './signing-keys/key-provider.ts';
import type { SealedSecrets } from './signing-keys/sealed-secrets.ts';

/** What the service hands to this part of it. */
export interface OAuthEndpointsDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly audit: AuditLog;
  readonly keys: KeyProvider;
  readonly secrets: Pick<SealedSecrets, 'ensure'>;
  readonly accessTokens: AccessTokens;
  readonly sessions: SessionResolver;
  readonly pages: Pages;
  readonly csrf: CsrfGuard;
  readonly signInUrl: SignInUrl;
}

export interface OAuthEndpoints {
  readonly routes: Router;
  /** Those of them that are answered before Express too. */
  readonly hotRoutes: readonly HotRoute[];
  readonly cleanupTasks: readonly CleanupTask[];
  /** What administrators call. */
  readonly adminRoutes: DynamicRegistration['adminRoutes'];
  start(): Promise<void>;
}

const QUARTER_OF_AN_HOUR_SECONDS = 900;
/** Twenty-four signatures keep four threads busy for some five milliseconds. */
const LONG_SIGNING_QUEUE = 12;

/** The part of the composition root that issues tokens to clients: OAuth, OpenID Connect, and the CLI's device login. */
export function createOAuthEndpoints(config: Config, deps: OAuthEndpointsDeps): OAuthEndpoints {
  const { accessTokens, log, pages } = deps;
  const { issuer } = config;
  const clients = new Clients({ db: deps.pool });
  const tokens = createTokenIssuing(config, deps);
  const deviceLogins = createDeviceLogins(config, { ...deps, codes: tokens.codes });
  const forPeople = { ...deps, clients, formBody: formBody(config.maxBodyBytes) };
  const authorization = new Authorization({ ...deps, db: deps.pool, codes: tokens.codes });
  const registration = createDynamicRegistration(config, { ...deps, clients, grants: tokens.grants });
  const assertions = new ClientAssertions({ ...deps, db: deps.pool, issuer });
  const forClients = {
    clientAuthentication: new ClientAuthentication({ clients, assertions }),
    oauthBody: oauthBody(config.maxBodyBytes),
  };
  const pollIntervalSeconds = config.devicePollIntervalSeconds;
  const token = tokenRoutes({ ...forClients, ...tokens, maxBodyBytes: config.maxBodyBytes });
  const endpoints = Router().use(
    token.routes,
    revokeRoutes({ ...forClients, revocation: tokens.revocation }),
    introspectRoutes({ ...forClients, ...config, introspection: tokens.introspection }),
    deviceAuthorizationRoutes({ ...forClients, deviceLogins, issuer, pollIntervalSeconds }),
    userinfoRoutes({ accessTokens }),
    registration.routes,
  );
  const oauthRoutes = Router().use(endpoints, otherMethods([endpoints]), databaseUnavailable(), oauthErrors({ log }));
  const forms = Router().use(
    authorizeRoutes({ ...forPeople, authorization, issuer }),
    devicePageRoutes({ ...forPeople, deviceLogins, issuer }),
  );
  const pageRoutes = Router().use(forms, otherMethods([forms]), databaseUnavailable(), pages.errors({ log }));
  const apiRoutes = Router().use(
    deviceauthRoutes({ clients, deviceLogins, maxBodyBytes: config.maxBodyBytes }),
    databaseUnavailable(),
  );
  // Each kind is a router of its own, since an error goes to the next error handler of the router it was raised in.
  const routes = Router().use(
    oauthRoutes,
    metadataRoutes({ issuer, hasRegistration: config.dynamicRegistration !== 'off' }),
    pageRoutes,
    apiRoutes,
  );
  const cleanupTasks = [
    { name: 'device logins', deleteBatch: (limit: number) => deviceLogins.deleteExpired(limit) },
    ...expiredTokenTasks({ db: deps.pool, clock: deps.clock }),
    ...registration.cleanupTasks,
  ];
  const hotRoutes = [token.hotRoute];
  return { routes, hotRoutes, cleanupTasks, adminRoutes: registration.adminRoutes, start: tokens.start };
}

function createTokenIssuing(config: Config, deps: OAuthEndpointsDeps) {
  const { pool, clock, audit, keys, secrets, accessTokens } = deps;
  const { issuer, accessTokenLifetimeSeconds } = config;
  let derivationKey: Buffer | undefined;
  const observer = createTokenMetrics(deps.metrics);
  const grants = new Grants({ pool, clock, audit, observer });
  const signingQueue = new SigningQueue({ longFrom: LONG_SIGNING_QUEUE });
  const responses = new TokenResponses({ keys, issuer, accessTokenLifetimeSeconds, observer, signingQueue });
  const shared = { pool, db: pool, clock, grants, responses, signingQueue, observer, lifetimes: config };
  const codes = new AuthorizationCodes(shared);
  const refreshTokens = new RefreshTokens({
    ...shared,
    reuseGraceSeconds: config.refreshReuseGraceSeconds,
    derivationKey() {
      if (!derivationKey) throw new TypeError('refresh tokens are rotated after start');
      return derivationKey;
    },
  });
  return {
    grants,
    codes,
    observer,
    revocation: new Revocation({ ...shared, audit, accessTokens }),
    introspection: new Introspection({ ...shared, accessTokens, issuer }),
    grantHandlers: new Map([
      ['authorization_code', authorizationCodeGrant({ codes })],
      ['refresh_token', refreshTokenGrant({ refreshTokens })],
      [DEVICE_CODE_GRANT, deviceCodeGrant({ ...shared, directGrants: new DirectGrants(shared) })],
    ]),
    async start() {
      derivationKey = await secrets.ensure('refresh-token-derivation');
    },
  };
}

function createDeviceLogins(config: Config, deps: OAuthEndpointsDeps & { codes: AuthorizationCodes }): DeviceLogins {
  const windowSeconds = QUARTER_OF_AN_HOUR_SECONDS;
  return new DeviceLogins({
    ...deps,
    lifetimeSeconds: config.deviceCodeLifetimeSeconds,
    perAddress: createAddressRateLimit(deps.pool, {
      name: 'device-login',
      attempts: config.deviceLoginsPerAddress,
      windowSeconds,
    }),
    guesses: createRateLimit(deps.pool, { name: 'user-code', attempts: config.userCodeAttempts, windowSeconds }),
  });
}
