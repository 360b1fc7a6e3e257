import type { IncomingMessage } from 'node:http';
import { fingerprint } from '@codex-gateways/crypto';
import { bearerOf, HttpError, type RequestScope, type UpgradeListener } from '@codex-gateways/service';
import type { Authenticator, Caller } from '../authentication/authenticator.ts';
import type { ClientWatch, WatchOver } from '../client-watch.ts';
import type { Limits } from '../config.ts';
import type { ClientConnection, ConnectionRegistry } from './connection-registry.ts';
import type { ConnectionObserver } from './proxied-connection.ts';
import type { Reach } from './reach-app-server.ts';
import { createUpgradeListener, type PendingUpgrade, type UpgradeListenerDeps } from './upgrade-listener.ts';
import { checkUpgradeRequest } from './upgrade-request.ts';

/** Learns how upgrades end. */
export type UpgradeObserver = ConnectionObserver & UpgradeListenerDeps['observer'];

export interface UpgradeRouteDeps extends UpgradeListenerDeps {
  readonly authenticator: Authenticator;
  readonly reach: Reach;
  readonly connections: ConnectionRegistry;
  readonly watch: ClientWatch;
  readonly limits: Limits;
  readonly allowedOrigins: readonly string[];
}

/** `codex --remote` takes no path, so `/` it is; other clients may prefer a name. */
const PATHS = new Set(['/', '/codex-app/ws']);

/** ws `/` and `/codex-app/ws`: the client sees 101 only when its app-server has accepted the connection too. */
export function createUpgradeRoute(deps: UpgradeRouteDeps): UpgradeListener {
  return createUpgradeListener(deps, {
    check: (req) => checkUpgradeRequest(req, { paths: PATHS, allowedOrigins: deps.allowedOrigins }),
    async prepare(upgrade: PendingUpgrade) {
      const { token, caller } = await authenticate(deps, upgrade);
      const who = { workspace_id: caller.workspaceId, user_id: caller.userId };
      upgrade.note(who);
      const giveBack = deps.connections.reserve(caller.workspaceId);
      upgrade.attempt.onFailure(giveBack);
      const join = await deps.reach(caller, upgrade);
      const admit = deps.watch.expect({ req: upgrade.req, token, caller });
      return (client) => {
        const watchOver = admit(client);
        connected(deps, { connection: join(client), request: upgrade.scope.fields, who, giveBack, watchOver });
      };
    },
  });
}

async function authenticate(
  { authenticator, log }: UpgradeRouteDeps,
  { req, scope }: { req: IncomingMessage; scope: RequestScope },
): Promise<{ token: string; caller: Caller }> {
  const token = bearerOf(req.headers.authorization);
  if (token === undefined) {
    throw new HttpError(401, 'unauthorized', 'a remote token is needed: Authorization: Bearer <token>');
  }
  const outcome = await authenticator.authenticate(token, scope.headers);
  if (outcome.kind === 'authenticated') return { token, caller: outcome.caller };
  log.info({ ...scope.fields, token_fingerprint: fingerprint(token) }, 'token refused');
  throw new HttpError(401, 'unauthorized', 'the remote token is not valid', {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  });
}

interface Connected {
  readonly connection: ClientConnection;
  /** For the log. */
  readonly request: RequestScope['fields'];
  readonly who: Readonly<Record<string, string | undefined>>;
  readonly giveBack: () => void;
  readonly watchOver: WatchOver;
}

function connected(
  { connections, log }: UpgradeRouteDeps,
  { connection, request, who, giveBack, watchOver }: Connected,
) {
  connections.add(connection, giveBack);
  watchOver(connection);
  void connection.closed.then(({ code, reason }) =>
    log.info({ code, reason, ...request, ...who }, 'client disconnected'),
  );
}
