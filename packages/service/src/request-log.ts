import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type { Logger } from './logger.ts';
import type { HttpMetrics } from './metrics.ts';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const REQUEST_ID_HEADER = 'x-request-id';
const QUIET_PATHS = new Set(['/healthz', '/readyz', '/metrics']);

/** The id under which this request appears in every service's log. */
export function requestIdOf(req: Request): string {
  const value = req.res?.getHeader(REQUEST_ID_HEADER);
  return typeof value === 'string' ? value : '-';
}

/** A caller's request id when it is plain text, or a new one. */
export function acceptRequestId(presented: string | string[] | undefined): string {
  return typeof presented === 'string' && REQUEST_ID.test(presented) ? presented : randomUUID();
}

/**
 * Gives each request an id (the caller's `X-Request-Id` when it has one), and logs and counts it when it ends. The log has
 * the path without its query, since queries here may carry tickets.
 */
export function requestLog({ log, metrics }: { log: Logger; metrics?: HttpMetrics }): RequestHandler {
  return (req, res, next) => {
    const startedAt = process.hrtime.bigint();
    res.setHeader(REQUEST_ID_HEADER, acceptRequestId(req.headers[REQUEST_ID_HEADER]));
    const { method, path } = req;
    res.once('close', () => {
      const durationMs = Number(process.hrtime.bigint() - startedAt) / 1e6;
      const route = req.route ? `${req.baseUrl}${String(req.route.path)}` : 'unmatched';
      metrics?.observeRequest({ method, route, status: res.statusCode, durationMs });
      if (QUIET_PATHS.has(path)) return;
      const line = {
        request_id: requestIdOf(req),
        method,
        path,
        status: res.statusCode,
        duration_ms: Math.round(durationMs * 10) / 10,
        ...(res.locals.refusal ? { refusal: res.locals.refusal } : {}),
      };
      if (res.writableFinished) log.info(line, 'request');
      else log.info(line, 'request aborted');
    });
    next();
  };
}
