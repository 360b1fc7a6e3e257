import { type RequestHandler, Router } from 'express';
import { HttpError } from './http-error.ts';
import { servedRoutes } from './served-routes.ts';

/**
 * Refuses the methods that no route of these serves, each path with what it would take (RFC 9110 §15.5.6), and answers OPTIONS with
 * that. Comes after them, in the router whose errors have their form.
 * @param code - of the refusal
 */
export function otherMethods(routers: readonly Router[], code = 'method_not_allowed'): Router {
  const router = Router();
  const byPath = new Map<string, Set<string>>();
  for (const { method, path } of routers.flatMap((each) => servedRoutes(each))) {
    byPath.set(path, (byPath.get(path) ?? new Set()).add(method));
  }
  for (const [path, methods] of byPath) router.all(path, refuse(methods, code));
  return router;
}

function refuse(methods: ReadonlySet<string>, code: string): RequestHandler {
  const allowed = methods.has('GET') ? [...methods, 'HEAD'] : [...methods];
  const headers = { Allow: [...allowed, 'OPTIONS'].join(', ') };
  return (req, res) => {
    if (req.method !== 'OPTIONS') throw new HttpError(405, code, 'this method is not for this address', { headers });
    res.status(204).set(headers).end();
  };
}
