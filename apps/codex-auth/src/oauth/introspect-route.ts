import { constantTimeEqual } from '@codex-gateways/crypto';
import { type Request, type RequestHandler, Router } from 'express';
import type { ClientAuthentication } from './client-authentication.ts';
import { isPublic } from './clients.ts';
import type { Introspection } from './introspection.ts';
import { OAuthError } from './oauth-error.ts';
import { bodyParameters, type Parameters, required } from './parameters.ts';

export interface IntrospectRouteDeps {
  readonly clientAuthentication: Pick<ClientAuthentication, 'authenticate'>;
  readonly introspection: Pick<Introspection, 'introspect'>;
  readonly internalApiSecret: string;
  readonly oauthBody: RequestHandler;
}

/** `POST /oauth/introspect` (RFC 7662 §2), for confidential clients and for services that have the internal secret. */
export function introspectRoutes(deps: IntrospectRouteDeps): Router {
  const router = Router();
  router.post('/oauth/introspect', deps.oauthBody, async (req, res) => {
    const parameters = bodyParameters(req);
    await requireResourceServer(req, parameters, deps);
    const response = await deps.introspection.introspect(required(parameters, 'token'));
    res.set('Cache-Control', 'no-store').json(response);
  });
  return router;
}

// Whoever may ask could use it to try tokens, so a public client, which is anybody, may not (RFC 7662 §4).
async function requireResourceServer(
  req: Request,
  parameters: Parameters,
  { internalApiSecret, clientAuthentication }: IntrospectRouteDeps,
): Promise<void> {
  const presented = req.headers['x-internal-secret'];
  if (presented !== undefined) {
    const isSecret = internalApiSecret !== '' && typeof presented === 'string';
    if (isSecret && constantTimeEqual(presented, internalApiSecret)) return;
    throw new OAuthError('invalid_client', 'client authentication failed', { reason: 'wrong internal secret' });
  }
  const client = await clientAuthentication.authenticate(req, parameters);
  if (isPublic(client)) {
    throw new OAuthError('invalid_client', 'client authentication failed', { reason: 'a public client may not ask' });
  }
}
