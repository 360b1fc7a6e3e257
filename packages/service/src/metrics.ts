import type { RequestHandler } from 'express';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** Counts and times of requests, by route pattern, so that ids in paths do not make endless series. */
export interface HttpMetrics {
  observeRequest(request: { method: string; route: string; status: number; durationMs: number }): void;
}

/** A registry of one service instance, never the library's global one. */
export interface Metrics extends HttpMetrics {
  readonly registry: Registry;
  close(): void;
}

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
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    registry,
    observeRequest({ method, route, status, durationMs }) {
      requests.inc({ method: KNOWN_METHODS.has(method) ? method : 'other', route, status });
      duration.observe({ route }, durationMs / 1000);
    },
    close() {
      registry.clear();
    },
  };
}

/** `GET /metrics`: Prometheus text. */
export function metricsRoute(registry: Registry): RequestHandler {
  return async (_req, res) => {
    res.set('Content-Type', registry.contentType).send(await registry.metrics());
  };
}
