import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { Logger } from './logger.ts';
import type { HttpMetrics } from './metrics.ts';
import { openRequest, REQUEST_ID_HEADER, type RequestScope } from './tracing/request-scope.ts';
import { noTracing, type Tracing } from './tracing/tracing.ts';

const QUIET_PATHS = new Set(['/healthz', '/readyz', '/metrics']);

/** The id under which this request appears in every service's log. */
export function requestIdOf(req: Request): string {
  const value = req.res?.getHeader(REQUEST_ID_HEADER);
  return typeof value === 'string' ? value : '-';
}

interface Observers {
  readonly log: Logger;
  readonly metrics?: HttpMetrics;
  readonly tracing?: Tracing | undefined;
}

/**
 * Gives each request an id and a place in a trace (the caller's `X-Request-Id` and `traceparent` when it has them), and logs, counts
 * and traces it when it ends. The log has the path without its query, since queries here may carry tickets.
 */
export function requestLog(observers: Observers): RequestHandler {
  return (req, res, next) => {
    if (res.locals.isFollowed) {
      next();
      return;
    }
    const routeOf = () => (req.route ? `${req.baseUrl}${String(req.route.path)}` : 'unmatched');
    const scope = followRequest(req, res, { path: req.path, routeOf, ...observers });
    res.setHeader(REQUEST_ID_HEADER, scope.requestId);
    scope.run(next);
  };
}

/**
 * Does that for a request, from now to its end. Whoever passes the request on to an app sets `res.locals.isFollowed`.
 * @param path - without its query
 * @param routeOf - the pattern of the route, asked for when the request ends
 */
export function followRequest(
  req: IncomingMessage,
  res: ServerResponse & { readonly locals?: Readonly<Record<string, unknown>> },
  { path, routeOf, log, metrics, tracing = noTracing() }: Observers & { path: string; routeOf: () => string },
): RequestScope {
  const startedAt = performance.now();
  const method = req.method ?? 'GET';
  const isQuiet = QUIET_PATHS.has(path);
  const scope = openRequest(req, { tracing, isQuiet });
  res.once('close', () => {
    const durationMs = performance.now() - startedAt;
    const route = routeOf();
    const status = res.statusCode;
    metrics?.observeRequest({ method, route, status, durationMs });
    scope.end({ route, status });
    if (isQuiet) return;
    scope.release();
    if (!log.isLevelEnabled('info')) return;
    const refusal = res.locals?.refusal;
    const line = {
      method,
      path,
      status,
      duration_ms: Math.round(durationMs * 10) / 10,
      ...scope.fields,
      ...(refusal ? { refusal } : {}),
    };
    log.info(line, res.writableFinished ? 'request' : 'request aborted');
  });
  return scope;
}
