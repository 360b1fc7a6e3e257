import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { fingerprint } from '@codex-gateways/crypto';
import {
  acceptRequestId,
  bearerOf,
  HttpError,
  type Logger,
  refuseUpgrade,
  ServiceUnavailableError,
  type UpgradeListener,
} from '@codex-gateways/service';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AppServerLease, type AppServerSource, AppServerUnavailableError } from '../app-server/app-server.ts';
import type { Authenticator, Caller } from '../authentication/authenticator.ts';
import type { Limits } from '../config.ts';
import { createGuard } from '../guard/guard.ts';
import { Attempt, withinDeadline } from './attempt.ts';
import type { ConnectionRegistry } from './connection-registry.ts';
import { dialAppServer } from './dial-app-server.ts';
import { type ConnectionObserver, ProxiedConnection } from './proxied-connection.ts';
import { checkUpgradeRequest } from './upgrade-request.ts';

/** Learns how upgrades end. */
export interface UpgradeObserver extends ConnectionObserver {
  /** @param status - 101 for a connection */
  upgraded(status: number, durationMs: number): void;
}

export interface UpgradeRouteDeps {
  readonly authenticator: Authenticator;
  readonly appServers: AppServerSource;
  readonly connections: ConnectionRegistry;
  readonly limits: Limits;
  readonly allowedOrigins: readonly string[];
  readonly isDraining: () => boolean;
  readonly observer: UpgradeObserver;
  readonly log: Logger;
}

/**
 * ws `/` and `/codex-app/ws`: everything that can be refused is refused in HTTP, before there is a WebSocket; the client
 * sees 101 only when its app-server has accepted the connection too.
 */
export function createUpgradeRoute(deps: UpgradeRouteDeps): UpgradeListener {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: deps.limits.maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => false, // none is spoken here, so none is confirmed
  });
  let pending = 0;
  return (req, socket, head) => {
    const startedAtMs = performance.now();
    const ignoreError = () => undefined; // a client that left; what is sent to it goes nowhere
    socket.on('error', ignoreError);
    pending += 1;
    void upgrade(deps, { req, socket, head, server, pending })
      .catch((error: unknown) => refuse(deps, { req, socket }, error))
      .then((status) => {
        pending -= 1;
        socket.off('error', ignoreError);
        deps.observer.upgraded(status, performance.now() - startedAtMs);
      });
  };
}

interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly server: WebSocketServer;
  /** Upgrades under way, this one among them. */
  readonly pending: number;
}

/** Everything that a connection is made of, but the client's own WebSocket. */
interface Prepared {
  readonly caller: Caller;
  readonly lease: AppServerLease;
  readonly upstream: WebSocket;
  readonly giveBack: () => void;
}

/** @returns the status that it ended with */
async function upgrade(deps: UpgradeRouteDeps, { req, socket, head, server, pending }: Upgrade): Promise<number> {
  const { limits } = deps;
  checkUpgradeRequest(req, deps.allowedOrigins);
  assertNotDraining(deps);
  if (pending > limits.maxPendingUpgrades) throw unavailable('busy', 'this gateway is busy with other connections');
  const attempt = new Attempt();
  const deadline = AbortSignal.timeout(limits.upgradeTimeoutMs);
  try {
    const tooLate = () => unavailable('timeout', 'the app-server was not ready in time');
    const prepared = await withinDeadline(prepare(deps, { req, attempt, deadline }), deadline, tooLate);
    assertNotDraining(deps);
    connect(deps, prepared, acceptUpgrade(server, { req, socket, head }));
    return 101;
  } catch (error) {
    attempt.fail();
    throw error;
  }
}

async function prepare(
  deps: UpgradeRouteDeps,
  { req, attempt, deadline }: { req: IncomingMessage; attempt: Attempt; deadline: AbortSignal },
): Promise<Prepared> {
  const caller = await authenticate(deps, req);
  const giveBack = deps.connections.reserve(caller.workspaceId);
  attempt.onFailure(giveBack);
  const lease = await deps.appServers.acquire(caller);
  attempt.onFailure(() => lease.release());
  const { maxFrameBytes, upgradeTimeoutMs } = deps.limits;
  const dialling = { maxFrameBytes, timeoutMs: upgradeTimeoutMs, signal: deadline };
  const upstream = await dialAppServer(lease.appServer, dialling);
  attempt.onFailure(() => upstream.terminate());
  return { caller, lease, upstream, giveBack };
}

async function authenticate({ authenticator, log }: UpgradeRouteDeps, req: IncomingMessage): Promise<Caller> {
  const token = bearerOf(req.headers.authorization);
  if (token === undefined) {
    throw new HttpError(401, 'unauthorized', 'a remote token is needed: Authorization: Bearer <token>');
  }
  const outcome = await authenticator.authenticate(token);
  if (outcome.kind === 'authenticated') return outcome.caller;
  log.info({ token_fingerprint: fingerprint(token) }, 'token refused');
  throw new HttpError(401, 'unauthorized', 'the remote token is not valid', {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  });
}

/** @throws {HttpError} 499 when the client has left meanwhile */
function acceptUpgrade(
  server: WebSocketServer,
  { req, socket, head }: { req: IncomingMessage; socket: Duplex; head: Buffer },
): WebSocket {
  const accepted: WebSocket[] = [];
  server.handleUpgrade(req, socket, head, (client) => accepted.push(client)); // calls back at once, if at all
  const [client] = accepted;
  if (!client) throw new HttpError(CLIENT_LEFT, 'client_left', 'the client left');
  return client;
}

function connect(deps: UpgradeRouteDeps, { caller, lease, upstream, giveBack }: Prepared, client: WebSocket): void {
  const { limits, observer, log } = deps;
  const guard = createGuard(lease.appServer);
  const connection = new ProxiedConnection({ client, upstream, lease, guard, limits, observer });
  deps.connections.add(connection, giveBack);
  const who = { workspace_id: caller.workspaceId, user_id: caller.userId };
  log.info(who, 'client connected');
  void connection.closed.then(({ code, reason }) => log.info({ ...who, code, reason }, 'client disconnected'));
}

/** Answers with the status and words of the error. */
function refuse(deps: UpgradeRouteDeps, { req, socket }: Pick<Upgrade, 'req' | 'socket'>, error: unknown): number {
  const requestId = acceptRequestId(req.headers['x-request-id']);
  const answer = asHttpError(error);
  if (answer) {
    deps.log.info({ request_id: requestId, status: answer.status, code: answer.code }, 'upgrade refused');
    if (answer.status === 503) deps.log.warn({ err: error }, 'a client could not be served');
  } else {
    deps.log.error({ err: error, request_id: requestId }, 'upgrade failed');
  }
  const sent = answer ?? new HttpError(500, 'internal_error', `internal error, request ${requestId}`);
  if (sent.status === CLIENT_LEFT) socket.destroy();
  else refuseUpgrade(socket, sent);
  return sent.status;
}

function asHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof AppServerUnavailableError) {
    return unavailable('app_server_unavailable', error.message, error.retryAfterSeconds);
  }
  if (error instanceof ServiceUnavailableError) {
    return unavailable('verifier_unavailable', 'the service that verifies tokens does not answer');
  }
  return undefined;
}

function assertNotDraining({ isDraining }: UpgradeRouteDeps): void {
  if (isDraining()) throw unavailable('draining', 'this gateway is shutting down');
}

function unavailable(code: string, message: string, retryAfterSeconds = 5): HttpError {
  return new HttpError(503, code, message, { headers: { 'Retry-After': String(retryAfterSeconds) } });
}

/** Never sent; the label under which it is counted. */
const CLIENT_LEFT = 499;
