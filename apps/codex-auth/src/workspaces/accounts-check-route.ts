import { type RequestHandler, Router } from 'express';
import { currentUser } from '../accounts/current-user.ts';
import type { Memberships } from './memberships.ts';

/**
 * `GET …/accounts/check`: where the Codex CLI learns, at the end of a login through its app-server, which backend serves each of
 * its accounts [0.169]; the path depends on whether its `chatgpt_base_url` ends in `/backend-api`. An account is a workspace here.
 * See docs/protocol.md, "Workspace routing".
 */
export function accountsCheckRoutes({
  withUser,
  memberships,
  issuer,
}: {
  withUser: RequestHandler;
  memberships: Pick<Memberships, 'workspacesOf'>;
  issuer: string;
}): Router {
  // The CLI takes an HTTPS origin or fails the login. With an http issuer nothing answers at this one, so that what the CLI would
  // ask of the vendor's cloud stays on the issuer's host and fails there.
  const backendOrigin = `https://${new URL(issuer).host}`;
  const router = Router();
  router.get(['/backend-api/wham/accounts/check', '/api/codex/accounts/check'], withUser, async (_req, res) => {
    const workspaces = await memberships.workspacesOf(currentUser(res).userId);
    const accounts = workspaces.map(({ id, name }) => ({
      id,
      name,
      structure: 'workspace',
      workspace_backend_origin: backendOrigin,
      account_routing_override: 'NO_CONSTRAINT',
    }));
    res.set('Cache-Control', 'no-store').json({ accounts, default_account_id: accounts[0]?.id ?? null });
  });
  return router;
}
