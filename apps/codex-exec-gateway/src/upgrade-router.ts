import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  HttpError,
  type Logger,
  openRequest,
  type RequestScope,
  refuseUpgrade,
  splitTarget,
  type Tracing,
  type UpgradeListener,
} from '@codex-gateways/service';
import { refuseHandshake } from '@codex-gateways/websocket';
import { asRefusal, draining } from './unavailable.ts';
import type { Upgrade } from './web-sockets.ts';

export type UpgradeRoute = (upgrade: Upgrade) => Promise<void>;

export interface UpgradeRouterServices {
  /** By the first segment of the path; the second is the executor's id. */
  readonly routes: Readonly<Record<string, UpgradeRoute>>;
  readonly handshakeTimeoutMs: number;
  readonly trustedProxyHops: number;
  readonly isDraining: () => boolean;
  readonly onRefused: (endpoint: string, status: number) => void;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/** With a slash at the end or without, as the paths of HTTP requests. */
const PATH = /^\/([a-z-]+)\/([^/?#]+)\/?$/;

/** Finds the route of an upgrade request, and answers with a status whatever it refuses. The query is never logged. */
export class UpgradeRouter {
  readonly #services: UpgradeRouterServices;
  readonly #sockets = new Set<Duplex>();

  constructor(services: UpgradeRouterServices) {
    this.#services = services;
  }

  readonly listener: UpgradeListener = (req, socket, head) => {
    this.#keep(socket);
    const startedAt = performance.now();
    const { path, query: queryText } = splitTarget(req.url ?? '/');
    const query = new URLSearchParams(queryText);
    const [, endpoint = 'unknown', exeId = ''] = PATH.exec(path) ?? [];
    const scope = openRequest(req, this.#services);
    const { requestId } = scope;
    const clientIp = clientIpOf(req, this.#services.trustedProxyHops);
    const upgrade: Upgrade = { req, socket: socket as Socket, head, exeId, query, requestId, clientIp };
    const about = { endpoint, path, upgrade, scope, durationMs: () => Math.round(performance.now() - startedAt) };
    scope
      .run(() => decide(this.#services, endpoint, upgrade))
      .then(
        () => this.#accepted(about),
        (error: unknown) => scope.run(() => this.#refuse(error, about)),
      )
      .finally(() => scope.release());
  };

  /** Resolves when every socket that came through here is gone. */
  async closed(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }

  /** The HTTP server no longer knows upgraded sockets, and would wait for them for ever. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  #accepted({ endpoint, path, scope, durationMs }: Decided): void {
    const status = 101;
    scope.run(() => this.#services.log.info({ path, status, duration_ms: durationMs() }, 'upgrade'));
    scope.end({ route: routeOf(endpoint), status });
  }

  #refuse(error: unknown, about: Decided): void {
    const { log, routes, onRefused } = this.#services;
    const { requestId, socket } = about.upgrade;
    const refusal = asRefusal(error) ?? new HttpError(500, 'internal_error', `internal error, request ${requestId}`);
    const { status } = refusal;
    if (status === 500) log.error({ err: error }, 'upgrade failed');
    const line = { path: about.path, status, duration_ms: about.durationMs() };
    log.info({ ...line, refusal: refusal.reason ?? refusal.code }, 'upgrade refused');
    const endpoint = Object.hasOwn(routes, about.endpoint) ? about.endpoint : 'unknown';
    onRefused(endpoint, status);
    about.scope.end({ route: routeOf(endpoint), status });
    if (!socket.destroyed) refuseUpgrade(socket, refusal);
  }
}

interface Decided {
  readonly endpoint: string;
  readonly path: string;
  readonly upgrade: Upgrade;
  readonly scope: RequestScope;
  readonly durationMs: () => number;
}

function routeOf(endpoint: string): string {
  return `/${endpoint}/:id`;
}

async function decide(services: UpgradeRouterServices, endpoint: string, upgrade: Upgrade): Promise<void> {
  const route = Object.hasOwn(services.routes, endpoint) ? services.routes[endpoint] : undefined;
  if (!route) throw new HttpError(404, 'not_found', 'there is no WebSocket at this path');
  // Looked at first: what would be turned away later must not take a live executor's place until then.
  const refusal = refuseHandshake(upgrade.req);
  if (refusal) throw new HttpError(refusal.status, 'invalid_request', refusal.message, { headers: refusal.headers });
  if (services.isDraining()) throw draining();
  let timer: NodeJS.Timeout | undefined;
  // A route that comes to its end late finds a socket that has been answered, and opens nothing.
  const deadline = new Promise<never>((_, reject) => {
    const tooLong = () => reject(new HttpError(503, 'temporarily_unavailable', 'this took too long; try again'));
    timer = setTimeout(tooLong, services.handshakeTimeoutMs);
  });
  try {
    await Promise.race([route(upgrade), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** As `trust proxy` does for HTTP requests: each trusted hop moves one address back in X-Forwarded-For. */
function clientIpOf({ socket, headers }: IncomingMessage, trustedHops: number): string | undefined {
  const forwarded = [headers['x-forwarded-for'] ?? []].flat().join(',');
  const claimed = forwarded === '' ? [] : forwarded.split(',').map((address) => address.trim());
  const addresses = [socket.remoteAddress ?? '', ...claimed.reverse()];
  const ip = addresses[Math.min(trustedHops, addresses.length - 1)]?.replace(/^::ffff:/, '');
  return ip && isIP(ip) ? ip : undefined;
}
