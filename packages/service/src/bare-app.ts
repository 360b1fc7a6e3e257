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
  app.use(helmet({ contentSecurityPolicy: { directives: STRICT_CONTENT_POLICY }, strictTransportSecurity: false }));
  return app;
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
