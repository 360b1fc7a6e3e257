import { HttpError } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { type ServedRoute, servedRoutes } from './served-routes.ts';

/**
 * Refuses the methods that no route of these serves, each path with what it would take (RFC 9110 §15.5.6). Comes after them, in the
 * router whose errors have their form.
 */
export function otherMethods(routers: readonly Router[]): Router {
  const router = Router();
  const byPath = new Map<string, Set<string>>();
  for (const { method, path } of routers.flatMap((each) => servedRoutes(each))) {
    byPath.set(path, (byPath.get(path) ?? new Set()).add(method));
  }
  for (const [path, methods] of byPath) router.all(path, refuse(methods));
  return router;
}

function refuse(methods: ReadonlySet<ServedRoute['method']>): RequestHandler {
  const allowed = methods.has('GET') ? [...methods, 'HEAD'] : [...methods];
  const headers = { Allow: [...allowed, 'OPTIONS'].join(', ') };
  return (req, res) => {
    if (req.method !== 'OPTIONS') {
      throw new HttpError(405, 'invalid_request', 'this method is not for this address', { headers });
    }
    res.status(204).set(headers).end();
  };
}
