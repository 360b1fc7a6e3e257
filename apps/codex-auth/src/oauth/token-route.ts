import type { IncomingMessage } from 'node:http';
import { type HotRoute, raiseHotFailure } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { hotRequestOrigin, type RequestOrigin, requestOrigin } from '../audit/request-origin.ts';
import type { ClientAuthentication } from './client-authentication.ts';
import type { GrantHandler } from './grants/grant-handler.ts';
import { OAuthError } from './oauth-error.ts';
import { bodyParameters, type Parameters, parametersIn, required } from './parameters.ts';
import type { TokenObserver } from './token-metrics.ts';
import type { TokenResponse } from './token-response.ts';

export interface TokenRouteDeps {
  readonly clientAuthentication: Pick<ClientAuthentication, 'authenticate'>;
  /** By `grant_type`. */
  readonly grantHandlers: ReadonlyMap<string, GrantHandler>;
  readonly oauthBody: RequestHandler;
  readonly maxBodyBytes: number;
  readonly observer: Pick<TokenObserver, 'tokensIssued'>;
}

const PATH = '/oauth/token';
/** RFC 6749 §5.1 asks for it beside `Cache-Control`. */
const NOT_KEPT = { Pragma: 'no-cache' };

/** `POST /oauth/token` (RFC 6749 §3.2), for forms and JSON alike; also for being answered before Express. */
export function tokenRoutes(deps: TokenRouteDeps): { routes: Router; hotRoute: HotRoute } {
  const routes = Router();
  routes.post(PATH, raiseHotFailure, deps.oauthBody, async (req, res) => {
    const response = await issue(deps, { req, parameters: bodyParameters(req), origin: requestOrigin(req) });
    res.set('Cache-Control', 'no-store').set(NOT_KEPT).json(response);
  });
  const hotRoute: HotRoute = {
    path: PATH,
    maxBodyBytes: deps.maxBodyBytes,
    mediaTypes: ['application/json', 'application/x-www-form-urlencoded'],
    admits: () => true,
    headers: NOT_KEPT,
    isSilent: true,
    answer: async (req) => issue(deps, { req, parameters: parametersIn(req.body), origin: hotRequestOrigin(req) }),
  };
  return { routes, hotRoute };
}

interface TokenRequest {
  readonly req: Pick<IncomingMessage, 'headers'>;
  readonly parameters: Parameters;
  readonly origin: RequestOrigin;
}

async function issue(deps: TokenRouteDeps, { req, parameters, origin }: TokenRequest): Promise<TokenResponse> {
  const { clientAuthentication, grantHandlers, observer } = deps;
  const grantType = required(parameters, 'grant_type');
  const redeem = grantHandlers.get(grantType);
  // Before the client is asked who it is: the CLI's token exchange for an API key is refused here, and it goes on without.
  if (!redeem) throw new OAuthError('unsupported_grant_type', 'this grant type is not supported');
  const client = await clientAuthentication.authenticate(req, parameters);
  if (!client.grantTypes.includes(grantType)) {
    throw new OAuthError('unauthorized_client', 'the client may not use this grant type');
  }
  const response = await redeem(client, parameters, origin);
  observer.tokensIssued(grantType);
  return response;
}
