import type { Clock, Logger, Tracing, UpgradeListener } from '@codex-gateways/service';
import type { SocketMemory } from '@codex-gateways/websocket';
import type { Authenticator } from './authentication/authenticator.ts';
import type { Backend } from './backend.ts';
import type { ClientWatch } from './client-watch.ts';
import type { Config } from './config.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { ConnectionRegistry } from './proxy/connection-registry.ts';
import { type Reach, reachAppServers } from './proxy/reach-app-server.ts';
import { pathOf } from './proxy/upgrade-request.ts';
import { createUpgradeRoute } from './proxy/upgrade-route.ts';
import { createForwardedUpgradeRoute } from './replicas/forwarded-upgrade-route.ts';
import { FORWARDED_PATH } from './replicas/hop-grant.ts';
import { reachHomes } from './replicas/reach-homes.ts';

export interface UpgradeRoutesDeps {
  readonly authenticator: Authenticator;
  readonly watch: ClientWatch;
  readonly backend: Backend;
  readonly connections: ConnectionRegistry;
  readonly isDraining: () => boolean;
  readonly memory: SocketMemory;
  readonly observer: GatewayMetrics;
  readonly clock: Clock;
  readonly tracing: Tracing;
  readonly log: Logger;
}

/**
 * Every WebSocket endpoint, of clients, and for a gateway with replicas of the other gateways; and how both find a workspace's
 * app-server.
 */
export function createUpgradeRoutes(
  { limits, allowedOrigins, approvals }: Pick<Config, 'limits' | 'allowedOrigins' | 'approvals'>,
  { backend, clock, ...deps }: UpgradeRoutesDeps,
): { onUpgrade: UpgradeListener; reach: Reach } {
  const { appServers, replica } = backend;
  const local = reachAppServers({ appServers, limits, approvals, observer: deps.observer, log: deps.log });
  const shared = { ...deps, limits, allowedOrigins };
  if (!replica) return { onUpgrade: createUpgradeRoute({ ...shared, reach: local }), reach: local };
  const reach = reachHomes({ local, clock, limits, hopSecret: replica.hopSecret, observer: deps.observer });
  const fromClients = createUpgradeRoute({ ...shared, reach });
  const fromGateways = createForwardedUpgradeRoute({ ...shared, ...replica, clock, reach: local });
  const onUpgrade: UpgradeListener = (req, socket, head) => {
    const isForwarded = pathOf(req) === FORWARDED_PATH;
    return (isForwarded ? fromGateways : fromClients)(req, socket, head);
  };
  return { onUpgrade, reach };
}
