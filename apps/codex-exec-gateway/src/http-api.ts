import {
  errorMiddleware,
  type Logger,
  notFound,
  objectErrorForm,
  otherMethods,
  requireInternalSecret,
  requireSharedSecret,
} from '@codex-gateways/service';
import express, { type Express, Router } from 'express';
import { acquireHomeRoute } from './app-server-homes/acquire-home-route.ts';
import type { AppServerHomes } from './app-server-homes/app-server-homes.ts';
import { deleteAppGatewayRoute, releaseHomeRoute } from './app-server-homes/release-homes-route.ts';
import { renewHomesRoute } from './app-server-homes/renew-homes-route.ts';
import type { Bindings } from './bindings/bindings.ts';
import { connectedRoute } from './bindings/connected-route.ts';
import { deleteBindingRoute } from './bindings/delete-binding-route.ts';
import { listBindingsRoute } from './bindings/list-bindings-route.ts';
import { postBindingRoute } from './bindings/post-binding-route.ts';
import type { Config } from './config.ts';
import type { ConnectionHistory } from './connections/connection-history.ts';
import { connectionHistoryRoute } from './connections/connection-history-route.ts';
import type { Duels } from './duels/duels.ts';
import { deleteExecutorRoute } from './executors/delete-route.ts';
import { disconnectExecutorRoute, disconnectUserRoute } from './executors/disconnect-route.ts';
import type { Executors } from './executors/executors.ts';
import { registerExecutorRoute } from './executors/register-route.ts';
import type { GatewayCounters } from './gateway-metrics.ts';
import type { AgentserverValidator } from './registration/agentserver-validator.ts';
import { cloudConnectRoute } from './registration/cloud-connect-route.ts';
import { cloudRegisterRoute } from './registration/cloud-register-route.ts';
import { cloudValidateRoute } from './registration/cloud-validate-route.ts';
import type { HarnessRendezvous } from './registration/harness-rendezvous.ts';
import type { Registrations } from './registration/registrations.ts';
import { revokeTurnRoute } from './revocation/revoke-turn-route.ts';
import type { RevokedTurns } from './revocation/revoked-turns.ts';
import type { TurnGuard } from './revocation/turn-guard.ts';
import { unavailableMiddleware } from './unavailable.ts';

export interface HttpApiServices {
  readonly executors: Executors;
  readonly homes: AppServerHomes;
  readonly bindings: Bindings;
  readonly history: ConnectionHistory;
  readonly duels: Duels;
  readonly registrations: Registrations;
  readonly rendezvous: HarnessRendezvous;
  readonly revokedTurns: RevokedTurns;
  readonly turnGuard: TurnGuard;
  readonly validator: AgentserverValidator;
  readonly counters: GatewayCounters;
  readonly log: Logger;
}

/** What a gateway with ten thousand app-servers says of them. */
const HELD_HOMES_BYTES = 2 * 1024 * 1024;

/** Puts every HTTP endpoint on the app, each group with the credentials that it asks for. */
export function mountHttpApi(app: Express, config: Config, services: HttpApiServices): void {
  app.set('trust proxy', config.trustedProxyHops);
  for (const [path, router] of [
    ['/cloud', cloudRouter(config, services)],
    ['/api/codex-exec', managementRouter(config, services)],
    ['/api/exec-gateway', gatewayRouter(config, services)],
  ] as const) {
    app.use(path, router.use(otherMethods([router])));
  }
  app.use(notFound());
  app.use(unavailableMiddleware(), errorMiddleware({ form: objectErrorForm, log: services.log }));
}

/** What the CLI calls, as executor and as harness; it prints the error messages. */
function cloudRouter(config: Config, services: HttpApiServices): Router {
  const { publicWsBaseUrl, limits } = config;
  const { holdMs } = config.registration;
  const limit = limits.requestBodyBytes;
  const register = cloudRegisterRoute({ ...services, publicWsBaseUrl, holdMs });
  const rawBody = express.raw({ type: () => true, limit });
  const jsonBody = express.json({ type: () => true, limit });
  return Router()
    .post(['/environment/:id/register', '/executor/:id/register'], rawBody, register)
    .post('/environment/:id/connect', jsonBody, cloudConnectRoute({ ...services, publicWsBaseUrl }))
    .post('/environment/:id/validate', jsonBody, cloudValidateRoute({ ...services, holdMs }));
}

/** What codex-auth calls on behalf of people. */
function managementRouter(config: Config, services: HttpApiServices): Router {
  const jsonBody = express.json({ limit: config.limits.requestBodyBytes });
  return Router()
    .use(requireInternalSecret(config.agentserverInternalSecret))
    .post('/register', jsonBody, registerExecutorRoute(services))
    .delete('/executors/:exe_id', deleteExecutorRoute(services))
    .get('/executors/:exe_id/connections', connectionHistoryRoute(services))
    .post('/executors/:exe_id/disconnect', disconnectExecutorRoute(services))
    .post('/users/:user_id/disconnect', disconnectUserRoute(services))
    .post('/workspaces/:wid/executors', jsonBody, postBindingRoute(services))
    .get('/workspaces/:wid/executors', listBindingsRoute(services))
    .delete('/workspaces/:wid/executors/:exe_id', deleteBindingRoute(services));
}

/** What the app-gateway calls. */
function gatewayRouter(config: Config, services: HttpApiServices): Router {
  const { internalSharedSecret: sharedSecret, limits } = config;
  const jsonBody = express.json({ limit: limits.requestBodyBytes });
  const trusted = requireSharedSecret(sharedSecret);
  return Router()
    .get('/connected', connectedRoute({ ...services, sharedSecret }))
    .post('/revoke-turn', trusted, jsonBody, revokeTurnRoute(services))
    .post('/app-server-homes/renew', trusted, express.json({ limit: HELD_HOMES_BYTES }), renewHomesRoute(services))
    .post('/app-server-homes/:workspace_id/acquire', trusted, jsonBody, acquireHomeRoute(services))
    .delete('/app-server-homes/:workspace_id', trusted, releaseHomeRoute(services))
    .delete('/app-gateways/:gateway_name', trusted, deleteAppGatewayRoute(services));
}
