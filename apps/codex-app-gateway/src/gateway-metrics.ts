import type { Metrics } from '@codex-gateways/service';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { AppServerObserver } from './app-server/workspace-app-server.ts';
import type { ApprovalObserver } from './approvals/approval-desk.ts';
import type { AuthenticationObserver } from './authentication/observed-authenticator.ts';
import type { FrameDirection } from './proxy/proxied-connection.ts';
import type { UpgradeObserver } from './proxy/upgrade-route.ts';
import type { ForwardOutcome } from './replicas/reach-homes.ts';

/** Numbers that are looked up when they are asked for. */
export interface GatewayGauges {
  connections(): number;
  bufferedBytes(): number;
  appServers(): number;
  pendingRevocations(): number;
  /** 0 closed, 1 a probe is under way, 2 open. */
  verifierBreaker(): number;
  /** 1 while codex-auth tells of revocations. */
  revocationStream(): number;
}

export interface ExecutorObserver {
  /** @param code - one of a fixed set */
  executorRefused(code: string): void;
}

export interface ForwardObserver {
  forwarded(outcome: ForwardOutcome): void;
}

export type GatewayMetrics = ApprovalObserver &
  UpgradeObserver &
  AppServerObserver &
  AuthenticationObserver &
  ForwardObserver &
  ExecutorObserver;

const FAST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SLOW_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];

/** This service's own series, in the registry of its metrics. */
export function createGatewayMetrics(metrics: Pick<Metrics, 'registry'>, gauges: GatewayGauges): GatewayMetrics {
  const series = new Series(metrics.registry);
  exposeGauges(series, gauges);
  return { ...observeUpgrades(series), ...observeConnections(series), ...observeAppServers(series) };
}

/** Makes series of one registry. */
class Series {
  readonly #registers: Metrics['registry'][];

  constructor(registry: Metrics['registry']) {
    this.#registers = [registry];
  }

  counter<Label extends string>(name: string, help: string, ...labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  /** One that mirrors plain numbers, by a label, when it is asked for. */
  mirror<Value extends string>(name: string, help: string, label: string, values: Readonly<Record<Value, number>>) {
    return new Counter({
      ...{ name, help, labelNames: [label], registers: this.#registers },
      collect() {
        this.reset();
        for (const [value, count] of Object.entries<number>(values)) this.inc({ [label]: value }, count);
      },
    });
  }

  histogram<Label extends string>(
    name: string,
    { help, buckets, labelNames = [] }: { help: string; buckets: number[]; labelNames?: Label[] },
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: this.#registers });
  }

  gauge(name: string, help: string, read: () => number): Gauge {
    return new Gauge({
      name,
      help,
      registers: this.#registers,
      collect() {
        this.set(read());
      },
    });
  }
}

function lookedUpOnce<Key, Value>(lookUp: (key: Key) => Value): (key: Key) => Value {
  const found = new Map<Key, Value>();
  return (key) => {
    const value = found.get(key) ?? lookUp(key);
    found.set(key, value);
    return value;
  };
}

function observeUpgrades(series: Series): Pick<GatewayMetrics, 'upgraded' | 'verified'> {
  const upgrades = series.counter('cxg_app_upgrades_total', 'Upgrade requests, by the status they got.', 'status');
  const upgradeSeconds = series.histogram('cxg_app_upgrade_seconds', {
    help: 'From an upgrade request to its answer.',
    buckets: SLOW_SECONDS,
    labelNames: ['status'],
  });
  const verifications = series.counter('cxg_app_verifications_total', 'Verified bearers, by outcome.', 'outcome');
  const verifySeconds = series.histogram('cxg_app_verification_seconds', {
    help: 'Verifying one bearer.',
    buckets: FAST_SECONDS,
  });
  // Looked up once, of the few that there are.
  const countersOf = lookedUpOnce((status: number) => ({
    upgrades: upgrades.labels(String(status)),
    seconds: upgradeSeconds.labels(String(status)),
  }));
  const verificationsOf = lookedUpOnce((outcome: string) => verifications.labels(outcome));
  return {
    upgraded(status, durationMs) {
      const counters = countersOf(status);
      counters.upgrades.inc();
      counters.seconds.observe(durationMs / 1000);
    },
    verified(outcome, durationMs) {
      verificationsOf(outcome).inc();
      verifySeconds.observe(durationMs / 1000);
    },
  };
}

function observeConnections(
  series: Series,
): Pick<GatewayMetrics, 'frame' | 'refused' | 'closed' | 'forwarded' | 'approval'> {
  // Plain numbers, since every frame counts.
  const frames: Record<FrameDirection, number> = { to_app_server: 0, to_client: 0 };
  const bytes: Record<FrameDirection, number> = { to_app_server: 0, to_client: 0 };
  series.mirror('cxg_app_frames_total', 'Frames received, by where they go.', 'direction', frames);
  series.mirror('cxg_app_frame_bytes_total', 'Bytes of frames received.', 'direction', bytes);
  const refused = series.counter('cxg_app_refused_messages_total', 'Messages that were refused.', 'method', 'why');
  const closed = series.counter('cxg_app_connections_closed_total', 'Ended connections, by close code.', 'code');
  const approvals = series.counter('cxg_app_approvals_total', 'Requests for approval.', 'method', 'decision');
  const forwarded = series.counter('cxg_app_forwards_total', 'Connections passed on to another gateway.', 'outcome');
  return {
    frame(direction, sizeBytes) {
      frames[direction] += 1;
      bytes[direction] += sizeBytes;
    },
    refused: (method, why) => refused.inc({ method, why }),
    closed: (code) => closed.inc({ code }),
    approval: (method, decision) => approvals.inc({ method, decision }),
    forwarded: (outcome) => forwarded.inc({ outcome }),
  };
}

function observeAppServers(
  series: Series,
): Pick<GatewayMetrics, 'started' | 'startFailed' | 'ended' | 'executorRefused'> {
  const starts = series.histogram('cxg_app_server_start_seconds', {
    help: 'From the start of an app-server until it is ready.',
    buckets: SLOW_SECONDS,
  });
  const failedStarts = series.counter('cxg_app_server_failed_starts_total', 'App-servers that did not become ready.');
  const ended = series.counter('cxg_app_servers_ended_total', 'App-servers that ended, by how.', 'how');
  const refusals = series.counter(
    'cxg_app_executor_refusals_total',
    'Executors that app-servers did not reach, by why.',
    'code',
  );
  return {
    started: (durationMs) => starts.observe(durationMs / 1000),
    startFailed: () => failedStarts.inc(),
    executorRefused: (code) => refusals.inc({ code }),
    ended: (wasStopped) => ended.inc({ how: wasStopped ? 'stopped' : 'crashed' }),
  };
}

function exposeGauges(series: Series, gauges: GatewayGauges): void {
  series.gauge('cxg_app_connections', 'Open client connections.', gauges.connections);
  series.gauge('cxg_app_buffered_bytes', 'Bytes that wait to be sent, all connections.', gauges.bufferedBytes);
  series.gauge('cxg_app_servers', 'App-servers that run or are starting.', gauges.appServers);
  series.gauge('cxg_app_pending_revocations', 'Ended turns that are not revoked yet.', gauges.pendingRevocations);
  const breakerHelp = 'Whether the token verifier is asked: 0 yes, 1 a probe is under way, 2 no, it is down.';
  series.gauge('cxg_app_verifier_breaker_state', breakerHelp, gauges.verifierBreaker);
  series.gauge('cxg_app_revocation_stream_connected', 'Whether revocations are told.', gauges.revocationStream);
}
