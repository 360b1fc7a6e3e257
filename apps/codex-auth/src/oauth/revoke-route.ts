import { type RequestHandler, Router } from 'express';
import { requestOrigin } from '../audit/request-origin.ts';
import type { ClientAuthentication } from './client-authentication.ts';
import { bodyParameters, required } from './parameters.ts';
import type { Revocation } from './revocation.ts';

export interface RevokeRouteDeps {
  readonly clientAuthentication: Pick<ClientAuthentication, 'authenticate'>;
  readonly revocation: Pick<Revocation, 'revoke'>;
  readonly oauthBody: RequestHandler;
}

/** `POST /oauth/revoke` (RFC 7009 §2), a form, or the JSON of the Codex CLI. */
export function revokeRoutes({ clientAuthentication, revocation, oauthBody }: RevokeRouteDeps): Router {
  const router = Router();
  router.post('/oauth/revoke', oauthBody, async (req, res) => {
    const parameters = bodyParameters(req);
    const client = await clientAuthentication.authenticate(req, parameters);
    await revocation.revoke(client, required(parameters, 'token'), requestOrigin(req));
    res.set('Cache-Control', 'no-store').json({});
  });
  return router;
}
