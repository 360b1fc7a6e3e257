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
  /**
   * True when nothing that it does makes a line in the log or calls another service. Then what it does is followed through asynchronous
   * calls only where requests are traced, since Node.js makes all of them dearer while it follows any.
   */
  readonly isSilent?: boolean;
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
  const byPath = new Map(routes.map((route) => [route.path, servingOf(app, route, options)]));
  return (req, res) => {
    const serving = req.method === 'POST' ? byPath.get(req.url ?? '') : undefined;
    const mediaType = serving && plainMediaType(req.headers, serving.route.maxBodyBytes);
    if (!mediaType || !serving.route.mediaTypes.includes(mediaType) || !serving.route.admits(req.headers))
      app(req, res);
    else void serve({ req, res, mediaType }, serving);
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

/** What is the same for all requests of a route. */
interface Serving {
  readonly app: Express;
  readonly route: HotRoute;
  readonly following: Parameters<typeof followRequest>[2];
  readonly trustedProxyHops: number;
  /** Of good answers: names and values in turns, as `writeHead` takes them. */
  readonly headers: readonly string[];
}

function servingOf(app: Express, route: HotRoute, { trustedProxyHops, ...observers }: HotRoutesOptions): Serving {
  const { path } = route;
  const following = { ...observers, path, routeOf: () => path };
  return { app, route, following, trustedProxyHops, headers: headersOf(route) };
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly mediaType: HotMediaType;
}

async function serve(exchange: Exchange, serving: Serving): Promise<void> {
  const { app, route, following } = serving;
  const { req, res } = exchange;
  const scope = followRequest(req, res, following);
  const { requestId } = scope;
  const answer = () => answerPlainly(exchange, serving, requestId);
  try {
    await (route.isSilent && !following.tracing?.isOn ? answer() : scope.run(answer));
  } catch (error) {
    res.setHeader(REQUEST_ID_HEADER, requestId);
    const hotFailure: HotFailure = { error };
    scope.run(() => app(req, Object.assign(res, { locals: { hotFailure, isFollowed: true } })));
  }
}

async function answerPlainly({ req, res, mediaType }: Exchange, serving: Serving, requestId: string): Promise<void> {
  const { route, headers, trustedProxyHops } = serving;
  const body = await readPlainBody(req, mediaType);
  const ip = clientAddress(req, trustedProxyHops);
  const text = JSON.stringify(await route.answer({ headers: req.headers, body, requestId, ip }));
  const length = Buffer.byteLength(text);
  res.writeHead(200, [REQUEST_ID_HEADER, requestId, ...headers, 'Content-Length', String(length)]);
  // One byte a character is ASCII, which needs no encoding.
  res.end(text, length === text.length ? 'latin1' : 'utf8');
}

function headersOf({ headers = {} }: HotRoute): string[] {
  const all = {
    ...safeHeaders(),
    'Cache-Control': 'no-store',
    ...headers,
    'Content-Type': 'application/json; charset=utf-8',
  };
  return Object.entries(all).flat();
}
