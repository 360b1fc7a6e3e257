import { type RequestHandler, Router } from 'express';
import { currentUser } from '../accounts/current-user.ts';
import type { Memberships } from './memberships.ts';

/** `GET /api/workspaces`: those that the caller belongs to, with the caller's role in each. */
export function workspaceRoutes({
  withUser,
  memberships,
}: {
  withUser: RequestHandler;
  memberships: Pick<Memberships, 'workspacesOf'>;
}): Router {
  const router = Router();
  router.get('/api/workspaces', withUser, async (_req, res) => {
    const workspaces = await memberships.workspacesOf(currentUser(res).userId);
    res.set('Cache-Control', 'no-store').json(workspaces);
  });
  return router;
}
