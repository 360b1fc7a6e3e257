import type { Clock, Logger } from '@codex-gateways/service';
import type { Config } from './config.ts';
import { ExecutorDirectory } from './connections/executor-directory.ts';
import { executorSocketRoute } from './connections/executor-socket-route.ts';
import { ExecutorSockets } from './connections/executor-sockets.ts';
import type { Domain, LiveState } from './domain.ts';
import { forwardedBridgeRoute } from './forwarding/forwarded-bridge-route.ts';
import { bridgeSocketRoute } from './relay/bridge-socket-route.ts';
import { Bridges } from './relay/bridges.ts';

/** Every WebSocket endpoint, by the first segment of its path. */
export function createSocketRoutes(
  config: Config,
  deps: { domain: Domain; live: LiveState; clock: Clock; log: Logger; isDraining: () => boolean },
) {
  const { domain, live, clock, log, isDraining } = deps;
  const { limits, captokenHmacSecret: secret } = config;
  const shared = { ...live, acceptor: domain.acceptor, limits, log };
  const directory = new ExecutorDirectory(live.localExecutors);
  const bridges = new Bridges(shared);
  return {
    'codex-exec': executorSocketRoute({
      ...domain,
      ticketSecret: secret,
      clock,
      executorSockets: new ExecutorSockets({ ...shared, record: domain.record, duels: domain.duels, isDraining }),
    }),
    bridge: bridgeSocketRoute({ ...domain, directory, bridges }),
    'forwarded-bridge': forwardedBridgeRoute({ ...domain, hopSecret: secret, clock, directory, bridges }),
  };
}
