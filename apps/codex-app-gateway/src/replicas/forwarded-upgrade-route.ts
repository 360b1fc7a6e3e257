import { type Clock, HttpError, type UpgradeListener } from '@codex-gateways/service';
import { AppServerElsewhereError } from '../app-server/app-server.ts';
import type { ConnectionRegistry } from '../proxy/connection-registry.ts';
import type { Reach } from '../proxy/reach-app-server.ts';
import { createUpgradeListener, type UpgradeListenerDeps } from '../proxy/upgrade-listener.ts';
import { checkUpgradeRequest } from '../proxy/upgrade-request.ts';
import { FORWARDED_PATH, NOT_HOME, readHop } from './hop-grant.ts';

export interface ForwardedUpgradeDeps extends UpgradeListenerDeps {
  /** Of this gateway. */
  readonly name: string;
  readonly hopSecret: string;
  readonly clock: Clock;
  readonly connections: Pick<ConnectionRegistry, 'add'>;
  /** App-servers of this gateway only: what is forwarded ends here or nowhere. */
  readonly reach: Reach;
}

/**
 * ws `/forwarded-app-server`: a client that connected at another gateway, for an app-server of this one. Its token is verified,
 * and its place counted, there; what it says is guarded here.
 */
export function createForwardedUpgradeRoute(deps: ForwardedUpgradeDeps): UpgradeListener {
  const { name, hopSecret: secret, clock } = deps;
  return createUpgradeListener(deps, {
    check: (req) => checkUpgradeRequest(req, { paths: new Set([FORWARDED_PATH]), allowedOrigins: [] }),
    async prepare(upgrade) {
      const caller = readHop(upgrade.req.headers.authorization, { name, secret, nowSeconds: clock.nowSeconds() });
      const join = await deps.reach(caller, upgrade).catch((error: unknown) => {
        throw error instanceof AppServerElsewhereError ? notHome() : error;
      });
      return (client) => deps.connections.add(join(client), () => undefined);
    },
  });
}

function notHome(): HttpError {
  return new HttpError(409, NOT_HOME, 'another gateway has the app-server of this workspace; connect again');
}
