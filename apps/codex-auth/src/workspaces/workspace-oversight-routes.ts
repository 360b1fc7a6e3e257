import { identifier, pageLimit, parseInput } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requireAdmin } from '../accounts/require-admin.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { WorkspaceOversight } from './workspace-oversight.ts';
import type { OverseenWorkspace } from './workspace-oversight-store.ts';

const PATH = '/api/admin/workspaces';

const listSchema = z.object({
  without_owner: z.enum(['true', 'false']).default('false'),
  limit: pageLimit,
  cursor: identifier.optional(),
});

/** `/api/admin/workspaces`: the workspaces of the installation, for administrators. */
export function workspaceOversightRoutes({
  oversight,
  withUser,
}: {
  oversight: WorkspaceOversight;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  const admin = [withUser, requireAdmin()];
  router.get(PATH, admin, listRoute(oversight));
  router.put(`${PATH}/:id/owners/:userId`, admin, makeOwnerRoute(oversight));
  return router;
}

/** `GET ?without_owner=&limit=&cursor=`: all of them, or those that nobody owns who is not disabled. */
function listRoute(oversight: WorkspaceOversight): RequestHandler {
  return async (req, res) => {
    const { limit, cursor, without_owner: withoutOwner } = parseInput(listSchema, req.query);
    const range = { withoutOwner: withoutOwner === 'true', afterId: cursor, limit };
    const { workspaces, nextAfterId } = await oversight.list(range);
    const body = { workspaces: workspaces.map(toWire), next_cursor: nextAfterId ?? null };
    res.set('Cache-Control', 'no-store').json(body);
  };
}

/** `PUT …/{id}/owners/{user_id}`: 204, also when the user owns it already. */
function makeOwnerRoute(oversight: WorkspaceOversight): RequestHandler {
  return async (req, res) => {
    const workspaceId = parseInput(identifier, req.params.id);
    const userId = parseInput(identifier, req.params.userId);
    const by = { userId: currentUser(res).userId, origin: requestOrigin(req) };
    await oversight.makeOwner(workspaceId, userId, by);
    res.status(204).end();
  };
}

function toWire(workspace: OverseenWorkspace) {
  return {
    id: workspace.id,
    name: workspace.name,
    created_at: workspace.createdAt.toISOString(),
    members: workspace.memberCount,
    owners: workspace.ownerEmails,
  };
}
