import type { Request, RequestHandler } from 'express';
import type { Logger } from './logger.ts';
import type { HttpMetrics } from './metrics.ts';
import { openRequest, REQUEST_ID_HEADER } from './tracing/request-scope.ts';
import { noTracing, type Tracing } from './tracing/tracing.ts';

const QUIET_PATHS = new Set(['/healthz', '/readyz', '/metrics']);

/** The id under which this request appears in every service's log. */
export function requestIdOf(req: Request): string {
  const value = req.res?.getHeader(REQUEST_ID_HEADER);
  return typeof value === 'string' ? value : '-';
}

/**
 * Gives each request an id and a place in a trace (the caller's `X-Request-Id` and `traceparent` when it has them), and logs, counts
 * and traces it when it ends. The log has the path without its query, since queries here may carry tickets.
 */
export function requestLog({
  log,
  metrics,
  tracing = noTracing(),
}: {
  log: Logger;
  metrics?: HttpMetrics;
  tracing?: Tracing | undefined;
}): RequestHandler {
  return (req, res, next) => {
    const startedAt = process.hrtime.bigint();
    const { method, path } = req;
    const isQuiet = QUIET_PATHS.has(path);
    const scope = openRequest(req, { tracing, isQuiet });
    res.setHeader(REQUEST_ID_HEADER, scope.requestId);
    res.once('close', () => {
      const durationMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
      const route = req.route ? `${req.baseUrl}${String(req.route.path)}` : 'unmatched';
      const status = res.statusCode;
      metrics?.observeRequest({ method, route, status, durationMs });
      scope.end({ route, status });
      if (isQuiet) return;
      const line = {
        method,
        path,
        status,
        duration_ms: Math.round(durationMs * 10) / 10,
        ...(res.locals.refusal ? { refusal: res.locals.refusal } : {}),
      };
      scope.run(() => log.info(line, res.writableFinished ? 'request' : 'request aborted'));
    });
    scope.run(next);
  };
}
