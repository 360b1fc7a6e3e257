import { type RequestHandler, Router } from 'express';
import { requestOrigin } from '../audit/request-origin.ts';
import type { ClientAuthentication } from './client-authentication.ts';
import type { GrantHandler } from './grants/grant-handler.ts';
import { OAuthError } from './oauth-error.ts';
import { bodyParameters, required } from './parameters.ts';
import type { TokenObserver } from './token-metrics.ts';

export interface TokenRouteDeps {
  readonly clientAuthentication: Pick<ClientAuthentication, 'authenticate'>;
  /** By `grant_type`. */
  readonly grantHandlers: ReadonlyMap<string, GrantHandler>;
  readonly oauthBody: RequestHandler;
  readonly observer: Pick<TokenObserver, 'tokensIssued'>;
}

/** `POST /oauth/token` (RFC 6749 §3.2), for forms and JSON alike. */
export function tokenRoutes({ clientAuthentication, grantHandlers, oauthBody, observer }: TokenRouteDeps): Router {
  const router = Router();
  router.post('/oauth/token', oauthBody, async (req, res) => {
    const parameters = bodyParameters(req);
    const grantType = required(parameters, 'grant_type');
    const redeem = grantHandlers.get(grantType);
    // Before the client is asked who it is: the CLI's token exchange for an API key is refused here, and it goes on without.
    if (!redeem) throw new OAuthError('unsupported_grant_type', 'this grant type is not supported');
    const client = await clientAuthentication.authenticate(req, parameters);
    if (!client.grantTypes.includes(grantType)) {
      throw new OAuthError('unauthorized_client', 'the client may not use this grant type');
    }
    const response = await redeem(client, parameters, requestOrigin(req));
    observer.tokensIssued(grantType);
    res.set('Cache-Control', 'no-store').json(response);
  });
  return router;
}
