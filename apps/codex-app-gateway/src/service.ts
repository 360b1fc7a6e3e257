import {
  type Clock,
  createApp,
  createMetrics,
  errorMiddleware,
  type HttpServer,
  type Logger,
  listen,
  notFound,
  objectErrorForm,
  type Readiness,
  type Service,
  systemClock,
} from '@codex-gateways/service';
import type { Authenticator } from './authentication/authenticator.ts';
import { createHmacAuthenticator } from './authentication/hmac-authenticator.ts';
import { observeAuthenticator } from './authentication/observed-authenticator.ts';
import { createRemoteVerifier } from './authentication/remote-verifier.ts';
import { type Backend, startBackend } from './backend.ts';
import type { Config } from './config.ts';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { closing } from './proxy/close-forwarding.ts';
import { ConnectionRegistry } from './proxy/connection-registry.ts';
import { createUpgradeRoute } from './proxy/upgrade-route.ts';

/** The service, and where it listens. */
export interface AppGateway extends Service {
  /** `http://host:port`; a TypeError before `start`. */
  readonly url: string;
}

export interface AppGatewayDeps {
  readonly log: Logger;
  readonly clock?: Clock;
  /** `PATH` of this process, where a program that is configured by name is looked up. */
  readonly path?: string;
}

const CLOSE_HTTP_MS = 1000;

/**
 * Builds the service; nothing is opened before `start`. `drain` refuses upgrades, closes clients with 1001, stops the
 * app-servers and revokes their turns within the configured time; what was not revoked then is at the next start.
 */
export function createAppGateway(config: Config, { log, clock = systemClock, path = '' }: AppGatewayDeps): AppGateway {
  const metrics = createMetrics('codex-app-gateway');
  const connections = new ConnectionRegistry(config.limits);
  let backend: Backend | undefined;
  let server: HttpServer | undefined;
  let readiness: Readiness | undefined;
  const observer = createGatewayMetrics(metrics, {
    connections: () => connections.size,
    bufferedBytes: () => connections.bufferedBytes,
    appServers: () => backend?.appServerCount() ?? 0,
    pendingRevocations: () => backend?.pendingRevocations() ?? 0,
  });
  const authenticator = observeAuthenticator(createAuthenticator(config.inbound), observer);

  const serve = async ({ appServers, checkExecGateway }: Backend) => {
    const created = createApp({
      log,
      metrics,
      checks: {
        token_verifier: () => authenticator.checkReady(),
        exec_gateway: checkExecGateway,
        app_server: () => appServers.checkReady(),
      },
    });
    readiness = created.readiness;
    const { isDraining } = created.readiness;
    created.app.use(notFound(), errorMiddleware({ form: objectErrorForm, log }));
    const { limits, allowedOrigins, host, port } = config;
    const route = { authenticator, appServers, connections, limits, allowedOrigins, isDraining, observer, log };
    server = await listen(created.app, { host, port, onUpgrade: createUpgradeRoute(route) });
    log.info({ url: server.url }, 'listening');
  };

  let closed: Promise<void> | undefined;
  let draining: Promise<void> | undefined;
  const drain = () => {
    draining ??= (async () => {
      readiness?.startDraining();
      const deadlineMs = performance.now() + config.limits.drainTimeoutMs;
      await connections.closeAll(closing('goingAway', 'the gateway is shutting down; connect again'));
      await backend?.close(Math.max(0, deadlineMs - performance.now()));
    })();
    return draining;
  };

  return {
    get url() {
      if (!server) throw new TypeError('the service has not been started');
      return server.url;
    },
    async start() {
      backend = await startBackend(config.backend, { observer, clock, log, path });
      try {
        await serve(backend);
      } catch (error) {
        await backend.close(0);
        throw error;
      }
    },
    drain,
    close() {
      closed ??= (async () => {
        await drain();
        await server?.close(CLOSE_HTTP_MS);
        await authenticator.close();
        metrics.close();
      })();
      return closed;
    },
  };
}

function createAuthenticator(inbound: Config['inbound']): Authenticator {
  return inbound.kind === 'hmac' ? createHmacAuthenticator(inbound.secret) : createRemoteVerifier(inbound);
}
