import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { fingerprint } from '@codex-gateways/crypto';
import { bearerOf, HttpError, type Logger, type UpgradeListener } from '@codex-gateways/service';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AppServerLease, AppServerSource } from '../app-server/app-server.ts';
import type { Authenticator, Caller } from '../authentication/authenticator.ts';
import type { Limits } from '../config.ts';
import { createGuard } from '../guard/guard.ts';
import { Attempt, withinDeadline } from './attempt.ts';
import type { ConnectionRegistry } from './connection-registry.ts';
import { dialAppServer } from './dial-app-server.ts';
import { type ConnectionObserver, ProxiedConnection } from './proxied-connection.ts';
import { keepVerified } from './reverification.ts';
import { clientLeft, refuseWith, unavailable } from './upgrade-refusal.ts';
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
      .catch((error: unknown) => refuseWith(error, { req, socket, log: deps.log }))
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
  readonly token: string;
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
  const { token, caller } = await authenticate(deps, req);
  const giveBack = deps.connections.reserve(caller.workspaceId);
  attempt.onFailure(giveBack);
  const lease = await deps.appServers.acquire(caller);
  attempt.onFailure(() => lease.release());
  const { maxFrameBytes, dialTimeoutMs: timeoutMs } = deps.limits;
  const upstream = await dialAppServer(lease.appServer, { maxFrameBytes, timeoutMs, signal: deadline }).catch(
    (error: unknown) => {
      lease.suspect();
      throw error;
    },
  );
  attempt.onFailure(() => upstream.terminate());
  return { token, caller, lease, upstream, giveBack };
}

async function authenticate(
  { authenticator, log }: UpgradeRouteDeps,
  req: IncomingMessage,
): Promise<{ token: string; caller: Caller }> {
  const token = bearerOf(req.headers.authorization);
  if (token === undefined) {
    throw new HttpError(401, 'unauthorized', 'a remote token is needed: Authorization: Bearer <token>');
  }
  const outcome = await authenticator.authenticate(token);
  if (outcome.kind === 'authenticated') return { token, caller: outcome.caller };
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
  if (!client) throw clientLeft();
  return client;
}

function connect(deps: UpgradeRouteDeps, prepared: Prepared, client: WebSocket): void {
  const { authenticator, limits, observer, log } = deps;
  const { token, caller, lease, upstream, giveBack } = prepared;
  const guard = createGuard(lease.appServer);
  const connection = new ProxiedConnection({ client, upstream, lease, guard, limits, observer });
  deps.connections.add(connection, giveBack);
  keepVerified(connection, { authenticator, token, caller, intervalMs: limits.reverifyIntervalMs });
  const who = { workspace_id: caller.workspaceId, user_id: caller.userId };
  log.info(who, 'client connected');
  void connection.closed.then(({ code, reason }) => log.info({ ...who, code, reason }, 'client disconnected'));
}

function assertNotDraining({ isDraining }: UpgradeRouteDeps): void {
  if (isDraining()) throw unavailable('draining', 'this gateway is shutting down');
}
