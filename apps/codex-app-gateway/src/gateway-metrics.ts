import type { Metrics } from '@codex-gateways/service';
import { Counter, Gauge, Histogram } from 'prom-client';
import type { AppServerObserver } from './app-server/workspace-app-server.ts';
import type { AuthenticationObserver } from './authentication/observed-authenticator.ts';
import type { UpgradeObserver } from './proxy/upgrade-route.ts';

/** Numbers that are looked up when they are asked for. */
export interface GatewayGauges {
  connections(): number;
  bufferedBytes(): number;
  appServers(): number;
  pendingRevocations(): number;
}

export type GatewayMetrics = UpgradeObserver & AppServerObserver & AuthenticationObserver;

const FAST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SLOW_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60];

/** This service's own series, in the registry of its metrics. */
export function createGatewayMetrics({ registry }: Pick<Metrics, 'registry'>, gauges: GatewayGauges): GatewayMetrics {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const histogram = <Label extends string>(
    name: string,
    help: string,
    { labelNames, buckets }: { labelNames: readonly Label[]; buckets: number[] },
  ) => new Histogram({ name, help, labelNames: [...labelNames], buckets, registers });

  exposeGauges(registers, gauges);
  const upgrades = counter('cxg_app_upgrades_total', 'Upgrade requests, by the status they got.', ['status']);
  const upgradeSeconds = histogram('cxg_app_upgrade_seconds', 'From an upgrade request to its answer.', {
    labelNames: ['status'],
    buckets: SLOW_SECONDS,
  });
  const verifications = counter('cxg_app_verifications_total', 'Verified bearers, by outcome.', ['outcome']);
  const verifySeconds = histogram('cxg_app_verification_seconds', 'Verifying one bearer.', {
    labelNames: [],
    buckets: FAST_SECONDS,
  });
  const frames = counter('cxg_app_frames_total', 'Frames received, by where they go.', ['direction']);
  const bytes = counter('cxg_app_frame_bytes_total', 'Bytes of frames received, by where they go.', ['direction']);
  const refused = counter('cxg_app_refused_messages_total', 'Messages that the guard did not let through.', [
    'method',
    'why',
  ]);
  const closed = counter('cxg_app_connections_closed_total', 'Ended connections, by close code.', ['code']);
  const starts = histogram('cxg_app_server_start_seconds', 'From the start of an app-server until it is ready.', {
    labelNames: [],
    buckets: SLOW_SECONDS,
  });
  const failedStarts = counter('cxg_app_server_failed_starts_total', 'App-servers that did not become ready.', []);
  const ended = counter('cxg_app_servers_ended_total', 'App-servers that ended: stopped, or by themselves.', ['how']);
  return {
    upgraded(status, durationMs) {
      upgrades.inc({ status });
      upgradeSeconds.observe({ status }, durationMs / 1000);
    },
    verified(outcome, durationMs) {
      verifications.inc({ outcome });
      verifySeconds.observe(durationMs / 1000);
    },
    frame(direction, sizeBytes) {
      frames.inc({ direction });
      bytes.inc({ direction }, sizeBytes);
    },
    refused: (method, why) => refused.inc({ method, why }),
    closed: (code) => closed.inc({ code }),
    started: (durationMs) => starts.observe(durationMs / 1000),
    startFailed: () => failedStarts.inc(),
    ended: (wasStopped) => ended.inc({ how: wasStopped ? 'stopped' : 'crashed' }),
  };
}

function exposeGauges(registers: Metrics['registry'][], gauges: GatewayGauges): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('cxg_app_connections', 'Open client connections.', gauges.connections);
  gauge('cxg_app_buffered_bytes', 'Bytes that wait to be sent, all connections.', gauges.bufferedBytes);
  gauge('cxg_app_servers', 'App-servers that run or are starting.', gauges.appServers);
  gauge('cxg_app_pending_revocations', 'Ended turns that are not revoked yet.', gauges.pendingRevocations);
}
