import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createBareApp, errorMiddleware, type Logger, notFound, objectErrorForm } from '@codex-gateways/service';
import type { Router } from 'express';
import type { Config } from './config.ts';
import { databaseUnavailable } from './database-unavailable.ts';
import { otherMethods } from './other-methods.ts';

/** Where a host lets its requests be answered: an express app or router (4 or 5), or anything with the same method. */
export interface HostRouter {
  all(path: RegExp, handler: (req: IncomingMessage, res: ServerResponse) => void): unknown;
}

/**
 * The well-known names one by one, since a host has others of its own below `/.well-known/` (RFC 9728). Below those of the
 * metadata, clients look for issuers with a path (RFC 8414 §3.1).
 */
const PATHS = [
  '/oauth/',
  ...['/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server/'],
  ...['/.well-known/openid-configuration', '/.well-known/openid-configuration/'],
  ...['/.well-known/jwks.json', '/.well-known/jwks.json/'],
  ...['/login', '/login/', '/logout', '/logout/', '/assets/style.css'],
  ...['/codex/device', '/codex/device/', '/deviceauth/callback', '/api/accounts/deviceauth/'],
  ...['/agent-identities/jwks', '/api/codex/agent-identities/jwks', '/backend-api/wham/agent-identities/jwks'],
];

/** The paths of the authorization server, at the root and below the path of its issuer; one that ends in a slash is a prefix. */
export function embeddedPaths(issuer: string): readonly string[] {
  const issuerPath = new URL(issuer).pathname.replace(/\/+$/, '');
  return issuerPath === '' ? PATHS : [...PATHS, ...PATHS.map((path) => issuerPath + path)];
}

/** As patterns, which every version of express reads alike. */
export function registerAt(router: HostRouter, routes: ReadonlyMap<string, RequestListener>): void {
  for (const [path, handler] of routes) {
    const literal = path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    router.all(new RegExp(path.endsWith('/') ? `^${literal}` : `^${literal}$`), (req, res) => handler(req, res));
  }
}

/** The router as a complete application, which a host can call for any request. */
export function createEmbeddedHandler(
  { issuer, trustedProxyHops }: Config,
  { router, start, log }: { router: Router; start: () => Promise<void>; log: Logger },
): RequestListener {
  const app = createBareApp({ log });
  const issuerPath = new URL(issuer).pathname.replace(/\/+$/, '');
  app.set('trust proxy', trustedProxyHops);
  app.use(async (_req, _res, next) => {
    await start();
    next();
  });
  router.use(otherMethods([router]));
  app.use(router);
  if (issuerPath !== '') app.use(issuerPath, router);
  app.use(notFound(), databaseUnavailable(), errorMiddleware({ form: objectErrorForm, log }));
  return app;
}
