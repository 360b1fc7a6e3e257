import {
  type Clock,
  createApp,
  createMetrics,
  createTracing,
  errorMiddleware,
  type HttpServer,
  type Logger,
  listen,
  type Metrics,
  notFound,
  OwnSecret,
  objectErrorForm,
  type Readiness,
  type Service,
  systemClock,
  type Tracing,
} from '@codex-gateways/service';
import { SocketMemory } from '@codex-gateways/websocket';
import { type AccessTokenVerifier, createAccessTokenVerifier } from './authentication/access-token-verifier.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import type { BreakerState } from './authentication/circuit-breaker.ts';
import { createHmacAuthenticator } from './authentication/hmac-authenticator.ts';
import { observeAuthenticator } from './authentication/observed-authenticator.ts';
import { createRemoteVerifier } from './authentication/remote-verifier.ts';
import { type Backend, startBackend } from './backend.ts';
import { type ClientWatch, createClientWatch } from './client-watch.ts';
import type { Config } from './config.ts';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts';
import { TurnApi } from './http-api.ts';
import { closing } from './proxy/close-forwarding.ts';
import { ConnectionRegistry } from './proxy/connection-registry.ts';
import { unavailableMiddleware } from './turn-api/unavailable.ts';
import { createUpgradeRoutes } from './upgrade-routes.ts';

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
// As the metric counts them.
const BREAKER_STATES: readonly BreakerState[] = ['closed', 'half_open', 'open'];

/**
 * Builds the service; nothing is opened before `start`. `drain` refuses upgrades, interrupts turns over HTTP, closes clients with 1001, stops the
 * app-servers and revokes their turns within the configured time; what was not revoked then is at the next start.
 */
export function createAppGateway(config: Config, deps: AppGatewayDeps): AppGateway {
  return new Gateway(config, deps);
}

class Gateway implements AppGateway {
  readonly #config: Config;
  readonly #deps: Required<AppGatewayDeps>;
  readonly #metrics: Metrics = createMetrics('codex-app-gateway');
  readonly #tracing: Tracing;
  readonly #observer: GatewayMetrics;
  readonly #connections: ConnectionRegistry;
  readonly #authenticator: Authenticator;
  readonly #accessTokens: AccessTokenVerifier | undefined;
  readonly #watch: ClientWatch;
  readonly #memory = new SocketMemory();
  #backend: Backend | undefined;
  #turnApi: TurnApi | undefined;
  #server: HttpServer | undefined;
  #readiness: Readiness | undefined;
  #drained: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(config: Config, { log, clock = systemClock, path = '' }: AppGatewayDeps) {
    this.#config = config;
    this.#deps = { log, clock, path };
    this.#tracing = createTracing(config.tracing, { service: 'codex-app-gateway', log });
    this.#connections = new ConnectionRegistry(config.limits);
    this.#observer = createGatewayMetrics(this.#metrics, {
      connections: () => this.#connections.size,
      bufferedBytes: () => this.#connections.bufferedBytes,
      appServers: () => this.#backend?.appServerCount() ?? 0,
      pendingRevocations: () => this.#backend?.pendingRevocations() ?? 0,
      revocationStream: () => Number(this.#watch.isToldOfRevocations()),
      verifierBreaker: () => BREAKER_STATES.indexOf(this.#authenticator.breakerState?.() ?? 'closed'),
    });
    const ownSecret = new OwnSecret({
      ...{ log, nowMs: () => performance.now(), variable: 'CXG_AGENTSERVER_INTERNAL_SECRET' },
      consequence: 'everybody who connects is refused',
    });
    this.#authenticator = observeAuthenticator(createAuthenticator(config.inbound, ownSecret), this.#observer);
    this.#accessTokens =
      config.inbound.kind === 'remote'
        ? createAccessTokenVerifier({ ...config.inbound, ownSecret, observer: this.#metrics })
        : undefined;
    this.#watch = createClientWatch(config, { authenticator: this.#authenticator, log });
  }

  get url(): string {
    if (!this.#server) throw new TypeError('the service has not been started');
    return this.#server.url;
  }

  async start(): Promise<void> {
    await this.#tracing.start();
    const observers = { observer: this.#observer, calls: this.#metrics };
    const backend = await startBackend(this.#config.backend, { ...this.#deps, ...observers });
    this.#backend = backend;
    try {
      this.#server = await this.#listen(backend);
    } catch (error) {
      await backend.close(0);
      throw error;
    }
    this.#watch.start();
    this.#deps.log.info({ url: this.#server.url }, 'listening');
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #listen(backend: Backend): Promise<HttpServer> {
    const { host, port } = this.#config;
    const { log, clock } = this.#deps;
    const { app, readiness } = createApp({
      log,
      metrics: this.#metrics,
      tracing: this.#tracing,
      checks: {
        token_verifier: () => this.#authenticator.checkReady(),
        exec_gateway: backend.checkExecGateway,
        app_server: () => backend.appServers.checkReady(),
      },
    });
    this.#readiness = readiness;
    const shared = {
      authenticator: this.#authenticator,
      connections: this.#connections,
      isDraining: () => readiness.isDraining(),
      memory: this.#memory,
      observer: this.#observer,
      tracing: this.#tracing,
      log,
    };
    const { onUpgrade, reach } = createUpgradeRoutes(this.#config, { ...shared, watch: this.#watch, backend, clock });
    this.#turnApi = new TurnApi(app, this.#config, {
      ...shared,
      reach,
      accessTokens: this.#accessTokens,
      watch: this.#watch,
    });
    await this.#turnApi.start();
    app.use(notFound(), unavailableMiddleware(), errorMiddleware({ form: objectErrorForm, log }));
    return listen(app, { host, port, onUpgrade });
  }

  async #drain(): Promise<void> {
    const deadlineMs = performance.now() + this.#config.limits.drainTimeoutMs;
    this.#readiness?.startDraining();
    // What stays of the time is for app-servers to stop in.
    await this.#turnApi?.interruptTurns('the gateway is shutting down', this.#config.limits.drainTimeoutMs / 2);
    await this.#connections.closeAll(closing('goingAway', 'the gateway is shutting down; connect again'));
    await this.#backend?.close(Math.max(0, deadlineMs - performance.now()));
    await this.#tracing.flush();
  }

  async #close(): Promise<void> {
    await this.drain();
    await this.#server?.close(CLOSE_HTTP_MS);
    await this.#turnApi?.close();
    await this.#watch.close();
    await this.#authenticator.close();
    await this.#accessTokens?.close();
    await this.#tracing.close();
    this.#metrics.close();
  }
}

function createAuthenticator(inbound: Config['inbound'], ownSecret: OwnSecret): Authenticator {
  return inbound.kind === 'hmac' ? createHmacAuthenticator(inbound.secret) : createRemoteVerifier(inbound, ownSecret);
}
