import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Logger } from './logger.ts';
import type { HttpMetrics } from './metrics.ts';
import { requestLog } from './request-log.ts';
import type { Tracing } from './tracing/tracing.ts';

/** An Express app with ids and logs of requests and safe headers, and without a route: what is embedded in another host. */
export function createBareApp({
  log,
  metrics,
  tracing,
}: {
  log: Logger;
  metrics?: HttpMetrics;
  tracing?: Tracing | undefined;
}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(requestLog({ log, tracing, ...(metrics ? { metrics } : {}) }));
  app.use(setSafeHeaders());
  return app;
}

/** The headers that every answer has, as such an app sets them, for what answers without it. */
export function safeHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name] = value;
    },
    removeHeader: () => undefined,
  };
  // None of them depends on the request.
  setSafeHeaders()({} as IncomingMessage, response as unknown as ServerResponse, () => undefined);
  return headers;
}

function setSafeHeaders() {
  return helmet({ contentSecurityPolicy: { directives: STRICT_CONTENT_POLICY }, strictTransportSecurity: false });
}

// Pages that need more (a form target, a style) loosen it themselves.
const STRICT_CONTENT_POLICY = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  scriptSrc: null,
  scriptSrcAttr: null,
  fontSrc: null,
  objectSrc: null,
  upgradeInsecureRequests: null,
};
