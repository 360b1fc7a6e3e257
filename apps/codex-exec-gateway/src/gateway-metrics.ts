import type { Metrics } from '@codex-gateways/service';
import { Counter, Gauge } from 'prom-client';
import type { LocalExecutors } from './connections/local-executors.ts';
import { FORWARD_OUTCOMES, type ForwardedBridges, type ForwardOutcome } from './forwarding/forwarded-bridges.ts';
import type { LiveHarnesses } from './relay/live-harnesses.ts';
import {
  DIRECTIONS,
  type Direction,
  DROP_REASONS,
  EXECUTOR_END_REASONS,
  type RelayTally,
} from './relay/relay-tally.ts';
import type { RevokedTurns } from './revocation/revoked-turns.ts';

/** How a register call of an executor ended. */
const REGISTRATION_OUTCOMES = ['noise', 'legacy', 'refused', 'unavailable'] as const;
export type RegistrationOutcome = (typeof REGISTRATION_OUTCOMES)[number];

/** What the service counts as it happens; everything else is read when the metrics are asked for. */
export interface GatewayCounters {
  registered(outcome: RegistrationOutcome): void;
  upgradeRefused(endpoint: string, status: number): void;
  bridgeForwarded(outcome: ForwardOutcome): void;
  duelBegun(): void;
  duelRefused(status: 403 | 409): void;
}

export function createGatewayCounters({ registry }: Metrics): GatewayCounters {
  const registrations = new Counter({
    name: 'codex_exec_registrations_total',
    help: 'Register calls of executors, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of REGISTRATION_OUTCOMES) registrations.inc({ outcome }, 0);
  const refusedUpgrades = new Counter({
    name: 'codex_exec_refused_upgrades_total',
    help: 'WebSockets refused before the 101, by endpoint and status.',
    labelNames: ['endpoint', 'status'],
    registers: [registry],
  });
  const forwards = new Counter({
    name: 'codex_exec_forwards_total',
    help: 'Bridges that were forwarded to the replica that has the executor, by what came of it.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of FORWARD_OUTCOMES) forwards.inc({ outcome }, 0);
  const duels = new Counter({
    name: 'codex_exec_duels_total',
    help: 'Times that two processes began to take the place of one executor from each other.',
    registers: [registry],
  });
  const duelRefusals = new Counter({
    name: 'codex_exec_duel_refusals_total',
    help: 'Processes that were refused because another one runs with the same executor id: 403 at the WebSocket, 409 at register.',
    labelNames: ['status'],
    registers: [registry],
  });
  for (const status of [403, 409]) duelRefusals.inc({ status }, 0);
  return {
    duelBegun: () => duels.inc(),
    duelRefused: (status) => duelRefusals.inc({ status }),
    bridgeForwarded: (outcome) => forwards.inc({ outcome }),
    registered: (outcome) => registrations.inc({ outcome }),
    upgradeRefused: (endpoint, status) => refusedUpgrades.inc({ endpoint, status }),
  };
}

/** The gauges and counters that mirror the state of this replica. */
export function observeGateway(
  { registry }: Metrics,
  {
    localExecutors,
    liveHarnesses,
    tally,
    revokedTurns,
    forwardedBridges,
  }: {
    localExecutors: LocalExecutors;
    liveHarnesses: LiveHarnesses;
    tally: RelayTally;
    revokedTurns: RevokedTurns;
    forwardedBridges: ForwardedBridges;
  },
): void {
  const gauges = {
    codex_exec_connected_executors: ['Executors connected to this replica.', () => localExecutors.size],
    codex_exec_live_bridges: ['Harness connections of this replica.', () => liveHarnesses.size],
    codex_exec_forwarded_bridges: [
      'Harness connections of this replica whose executor another replica has.',
      () => forwardedBridges.size,
    ],
    codex_exec_live_streams: ['Streams relayed by this replica.', () => tally.liveStreams],
    codex_exec_revoked_turns: ['Revoked turns that this replica refuses.', () => revokedTurns.size],
  } as const;
  for (const [name, [help, read]] of Object.entries(gauges)) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
  mirror('codex_exec_relayed_frames_total', 'Frames passed on.', DIRECTIONS, 'direction', tally.frames);
  mirror('codex_exec_relayed_bytes_total', 'Bytes of frames passed on.', DIRECTIONS, 'direction', tally.bytes);
  mirror('codex_exec_dropped_frames_total', 'Frames that went nowhere.', DROP_REASONS, 'reason', tally.dropped);
  mirror(
    'codex_exec_executor_connections_ended_total',
    'Connections of executors that ended, by why; replaced is an eviction by a newer one.',
    EXECUTOR_END_REASONS,
    'reason',
    tally.executorsEnded as Record<(typeof EXECUTOR_END_REASONS)[number], number>,
  );
  new Gauge({
    name: 'codex_exec_buffered_bytes',
    help: 'Bytes that wait to be sent, by direction.',
    labelNames: ['direction'],
    registers: [registry],
    collect() {
      for (const direction of DIRECTIONS) this.set({ direction }, queuedBytes(localExecutors, direction));
    },
  });
  mirror('codex_exec_revocations_total', 'Turns revoked, as far as this replica knows.', ['all'], 'scope', {
    get all() {
      return revokedTurns.learnt;
    },
  });

  function mirror<Label extends string>(
    name: string,
    help: string,
    labels: readonly Label[],
    labelName: string,
    values: Readonly<Record<Label, number>>,
  ): void {
    new Counter({
      name,
      help,
      labelNames: [labelName],
      registers: [registry],
      collect() {
        this.reset();
        for (const label of labels) this.inc({ [labelName]: label }, values[label]);
      },
    });
  }
}

function queuedBytes(localExecutors: LocalExecutors, direction: Direction): number {
  let sum = 0;
  for (const { relay } of localExecutors) sum += relay.queuedBytes[direction];
  return sum;
}
