import express, { type RequestHandler, Router } from 'express';
import { listTokensRoute } from './list-tokens-route.ts';
import { mintTokenRoute } from './mint-token-route.ts';
import type { RemoteTokens } from './remote-tokens.ts';
import { revokeTokenRoute } from './revoke-token-route.ts';

const MAX_BODY_BYTES = 4096;

/** What people do with remote tokens; what the gateways do with them is in internal-api. */
export function remoteTokenRoutes({
  remoteTokens,
  withUser,
}: {
  remoteTokens: RemoteTokens;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  router
    .route('/api/codex/tokens')
    .post(withUser, express.json({ limit: MAX_BODY_BYTES }), mintTokenRoute({ remoteTokens }))
    .get(withUser, listTokensRoute({ remoteTokens }));
  router.delete('/api/codex/tokens/:id', withUser, revokeTokenRoute({ remoteTokens }));
  return router;
}
