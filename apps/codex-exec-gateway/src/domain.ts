import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Pool } from '@codex-gateways/database';
import { type Clock, type InternalClient, type Logger, OwnSecret } from '@codex-gateways/service';
import { AppServerHomes } from './app-server-homes/app-server-homes.ts';
import { Bindings } from './bindings/bindings.ts';
import type { Config } from './config.ts';
import { CLOSE_GRACE_MS } from './connections/close-socket.ts';
import { ConnectionHistory } from './connections/connection-history.ts';
import { ConnectionRecord } from './connections/connection-record.ts';
import { Heartbeat } from './connections/heartbeat.ts';
import { LocalExecutors } from './connections/local-executors.ts';
import { UserConnections } from './connections/user-connections.ts';
import { Duels } from './duels/duels.ts';
import { Executors } from './executors/executors.ts';
import { OwnerCheck } from './executors/owner-check.ts';
import { ForwardedBridges } from './forwarding/forwarded-bridges.ts';
import type { GatewayCounters } from './gateway-metrics.ts';
import { AgentserverValidator } from './registration/agentserver-validator.ts';
import { HarnessRendezvous } from './registration/harness-rendezvous.ts';
import { OwnSecretCheck } from './registration/own-secret-check.ts';
import { Registrations } from './registration/registrations.ts';
import { LiveHarnesses } from './relay/live-harnesses.ts';
import { RelayTally } from './relay/relay-tally.ts';
import { TurnBridges } from './relay/turn-bridges.ts';
import { RevokedTurns } from './revocation/revoked-turns.ts';
import { TurnGuard } from './revocation/turn-guard.ts';
import { WebSocketAcceptor } from './web-sockets.ts';

/** What this replica holds in memory, and loses when it ends. */
export function createLiveState() {
  return {
    tally: new RelayTally(),
    localExecutors: new LocalExecutors(),
    liveHarnesses: new LiveHarnesses(),
    heartbeat: new Heartbeat(),
  };
}
export type LiveState = ReturnType<typeof createLiveState>;

export interface DomainDeps {
  readonly pool: Pool;
  readonly agentserver: InternalClient;
  readonly live: LiveState;
  readonly counters: GatewayCounters;
  /** Without it that of this machine. */
  readonly hostName: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What this service knows and decides, between its routes and its tables. */
export function createDomain(config: Config, deps: DomainDeps) {
  const { pool, live, clock, log } = deps;
  const { localExecutors, liveHarnesses } = live;
  const secret = config.captokenHmacSecret;
  const replicaId = randomUUID();
  const acceptor = new WebSocketAcceptor({ ...config.limits, closeTimeoutMs: CLOSE_GRACE_MS });
  const registrations = new Registrations({
    db: pool,
    clock,
    ticketSecret: secret,
    ticketLifetimeSeconds: config.registration.ticketLifetimeSeconds,
  });
  const revokedTurns = new RevokedTurns({
    db: pool,
    clock,
    log,
    refreshMs: config.cluster.revocationRefreshMs,
    onRevoked: (turnId) => liveHarnesses.closeTurn(turnId),
  });
  const turnGuard = new TurnGuard({ secret, clock, revokedTurns });
  const executors = new Executors({
    ...{ db: pool, clock, ticketLifetimeSeconds: config.registration.ticketLifetimeSeconds },
    close: (exeId, why) => localExecutors.dismiss(exeId, why),
  });
  const ownSecretCheck = createOwnSecretCheck(deps);
  return {
    replicaId,
    acceptor,
    registrations,
    revokedTurns,
    turnGuard,
    executors,
    ownerCheck: new OwnerCheck({ db: pool, agentserver: deps.agentserver, replicaId, executors, log }),
    homes: new AppServerHomes({ db: pool }),
    duels: new Duels({ db: pool, settings: config.duels, localExecutors, counters: deps.counters, log }),
    history: new ConnectionHistory({ db: pool, limit: config.connectionHistoryLength }),
    userConnections: new UserConnections({ db: pool, limit: config.limits.connectionsPerUser }),
    bindings: new Bindings(pool, (key) => liveHarnesses.closeBinding(key)),
    ownSecretCheck,
    validator: new AgentserverValidator(deps.agentserver, ownSecretCheck),
    rendezvous: new HarnessRendezvous({
      ...{ registrations, clock, secret },
      lifetimeSeconds: config.registration.bridgeTicketLifetimeSeconds,
    }),
    turnBridges: new TurnBridges({ db: pool, replicaId, limit: config.limits.harnessesPerTurn, log }),
    forwardedBridges: new ForwardedBridges({
      ...{ replicaId, acceptor, registrations, turnGuard, hopSecret: secret },
      ...{ ...live, limits: config.limits, counters: deps.counters, clock, log },
      connectTimeoutMs: config.cluster.forwardTimeoutMs,
    }),
    record: createRecord(config, { ...deps, replicaId }),
  };
}
export type Domain = ReturnType<typeof createDomain>;

function createOwnSecretCheck({ agentserver, log }: Pick<DomainDeps, 'agentserver' | 'log'>): OwnSecretCheck {
  const ownSecret = new OwnSecret({
    ...{ log, nowMs: () => performance.now(), variable: 'CXG_AGENTSERVER_INTERNAL_SECRET' },
    consequence: 'no executor can register',
  });
  return new OwnSecretCheck(agentserver, ownSecret);
}

function createRecord(
  config: Config,
  { pool, replicaId, hostName = hostname(), live: { localExecutors }, log }: DomainDeps & { replicaId: string },
): ConnectionRecord {
  return new ConnectionRecord({
    db: pool,
    replica: {
      replicaId,
      internalUrl: config.selfInternalUrl === 'auto' ? `http://${hostName}:${config.port}` : config.selfInternalUrl,
      hostName,
      leaseSeconds: config.cluster.leaseSeconds,
      historyLength: config.connectionHistoryLength,
    },
    log,
    onBeaten: ({ exeId, connectionId }) => {
      const connection = localExecutors.get(exeId);
      if (connection?.identity.connectionId === connectionId) {
        connection.close('replaced', 'a newer connection of this executor has opened, or it was deleted');
      }
    },
  });
}
