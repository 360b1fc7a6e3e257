import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Express, RequestHandler } from 'express';
import { safeHeaders } from './bare-app.ts';
import { clientAddress } from './client-address.ts';
import { type HotMediaType, plainMediaType, readPlainBody } from './hot-body.ts';
import type { Logger } from './logger.ts';
import type { HttpMetrics } from './metrics.ts';
import { followRequest } from './request-log.ts';
import { REQUEST_ID_HEADER } from './tracing/request-scope.ts';
import type { Tracing } from './tracing/tracing.ts';

/** A request that is answered before Express. */
export interface HotRequest {
  readonly headers: IncomingHttpHeaders;
  /** What JSON says, an object or an array, or the text of a form. */
  readonly body: unknown;
  readonly requestId: string;
  /** The client's address, as Express's `req.ip`. */
  readonly ip: string | undefined;
}

/** A `POST` whose good answers are 200 and JSON, not to be kept. */
export interface HotRoute {
  /** Exactly; any other spelling of it is left to Express. */
  readonly path: string;
  /** Longer bodies are left to Express to refuse. */
  readonly maxBodyBytes: number;
  /** Bodies of other types are left to Express. */
  readonly mediaTypes: readonly HotMediaType[];
  /** Whether to read a body from whoever sends such headers; others are left to Express. */
  readonly admits: (headers: IncomingHttpHeaders) => boolean;
  /** Of good answers, beside those that all have. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of the answer. What it throws is raised in the Express route of the same path. */
  readonly answer: (request: HotRequest) => Promise<object>;
}

export interface HotRoutesOptions {
  readonly log: Logger;
  readonly metrics: HttpMetrics;
  readonly tracing?: Tracing | undefined;
  /** As Express's `trust proxy` when that is a number. */
  readonly trustedProxyHops: number;
}

/**
 * Answers the plain case of the routes that are called all the time straight from node:http, at a fraction of what Express costs. All
 * else goes on to Express, which has the same routes, each beginning with `raiseHotFailure`: other spellings of the path or the
 * headers, bodies that are too long, and every refusal. So one place alone decides how a refusal looks.
 */
export function hotRoutesBefore(app: Express, routes: readonly HotRoute[], options: HotRoutesOptions): RequestListener {
  const byPath = new Map(routes.map((route) => [route.path, route]));
  const headers = Object.entries(safeHeaders()).flat();
  return (req, res) => {
    const route = req.method === 'POST' ? byPath.get(req.url ?? '') : undefined;
    const mediaType = route && plainMediaType(req.headers, route.maxBodyBytes);
    if (!route || !mediaType || !route.mediaTypes.includes(mediaType) || !route.admits(req.headers)) app(req, res);
    else void serve(req, res, { ...options, app, route, mediaType, headers });
  };
}

/** The first handler of an Express route that is also a hot one: raises what the request has failed with before it came here. */
export const raiseHotFailure: RequestHandler = (_req, res, next) => {
  const failure: HotFailure | undefined = res.locals.hotFailure;
  if (failure) throw failure.error;
  next();
};

interface HotFailure {
  readonly error: unknown;
}

interface Serving extends HotRoutesOptions {
  readonly app: Express;
  readonly route: HotRoute;
  readonly mediaType: HotMediaType;
  /** Names and values in turns, as `writeHead` takes them. */
  readonly headers: readonly string[];
}

async function serve(req: IncomingMessage, res: ServerResponse, serving: Serving): Promise<void> {
  const { app, route, mediaType, log, metrics, tracing, trustedProxyHops } = serving;
  const { path } = route;
  const { requestId, run } = followRequest(req, res, { path, routeOf: () => path, log, metrics, tracing });
  await run(async () => {
    try {
      const body = await readPlainBody(req, mediaType);
      const ip = clientAddress(req, trustedProxyHops);
      const text = JSON.stringify(await route.answer({ headers: req.headers, body, requestId, ip }));
      res.writeHead(200, [REQUEST_ID_HEADER, requestId, ...serving.headers, ...headersOf(text, route.headers)]);
      res.end(text);
    } catch (error) {
      res.setHeader(REQUEST_ID_HEADER, requestId);
      const hotFailure: HotFailure = { error };
      app(req, Object.assign(res, { locals: { hotFailure, isFollowed: true } }));
    }
  });
}

function headersOf(text: string, more: Readonly<Record<string, string>> = {}): string[] {
  return [
    ...['Cache-Control', 'no-store'],
    ...Object.entries(more).flat(),
    ...['Content-Type', 'application/json; charset=utf-8'],
    ...['Content-Length', String(Buffer.byteLength(text))],
  ];
}
