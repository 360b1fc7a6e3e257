import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CallObserver } from './internal-client.ts';

/** Counts and times of requests, by route pattern, so that ids in paths do not make endless series. */
export interface HttpMetrics {
  observeRequest(request: { method: string; route: string; status: number; durationMs: number }): void;
}

/** What a database pool tells of itself. */
export interface PoolUse {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** A registry of one service instance, never the library's global one. */
export interface Metrics extends HttpMetrics, CallObserver {
  readonly registry: Registry;
  close(): void;
}

const CALL_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const REQUEST_BUCKETS_SECONDS = [...CALL_BUCKETS_SECONDS, 10];
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** @param service - the label `service` on every series */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'http_requests_total',
    help: 'Requests answered, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request to the end of its answer, by route pattern.',
    labelNames: ['route'],
    buckets: REQUEST_BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    registry,
    observeRequest({ method, route, status, durationMs }) {
      requests.inc({ method: KNOWN_METHODS.has(method) ? method : 'other', route, status });
      duration.observe({ route }, durationMs / 1000);
    },
    ...observeCalls(registry),
    close() {
      registry.clear();
    },
  };
}

function observeCalls(registry: Registry): CallObserver {
  const calls = new Counter({
    name: 'internal_calls_total',
    help: 'Calls to other services, by service and by the status of the answer, none without one.',
    labelNames: ['peer', 'status'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'internal_call_duration_seconds',
    help: 'Calls to other services, from the call to the whole answer or its failure.',
    labelNames: ['peer'],
    buckets: CALL_BUCKETS_SECONDS,
    registers: [registry],
  });
  return {
    called({ peer, status, durationMs }) {
      calls.inc({ peer, status: status ?? 'none' });
      seconds.observe({ peer }, durationMs / 1000);
    },
  };
}

const POOL_STATES = {
  used: ({ totalCount, idleCount }: PoolUse) => totalCount - idleCount,
  idle: ({ idleCount }: PoolUse) => idleCount,
} as const;

/** The use of a service's database pool. */
export function observePool({ registry }: Pick<Metrics, 'registry'>, pool: PoolUse): void {
  const registers = [registry];
  new Gauge({
    name: 'database_pool_connections',
    help: 'Connections to the database, by state: used or idle.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(POOL_STATES)) this.set({ state }, count(pool));
    },
  });
  new Gauge({
    name: 'database_pool_waiting',
    help: 'Callers that wait for a connection to the database.',
    registers,
    collect() {
      this.set(pool.waitingCount);
    },
  });
}

/** `GET /metrics`: Prometheus text. */
export function metricsRoute(registry: Registry): RequestHandler {
  return async (_req, res) => {
    res.set('Content-Type', registry.contentType).send(await registry.metrics());
  };
}
