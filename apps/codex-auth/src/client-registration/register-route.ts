import { bearerOf } from '@codex-gateways/service';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { requestOrigin } from '../audit/request-origin.ts';
import { OAuthError } from '../oauth/oauth-error.ts';
import type { ClientRegistrations, ManagementRequest, RegisteredClient } from './client-registrations.ts';

export interface RegisterRouteDeps {
  readonly registrations: Pick<ClientRegistrations, 'register' | 'read' | 'replace' | 'remove'>;
  readonly issuer: string;
  readonly maxBodyBytes: number;
}

/** `POST /oauth/register` (RFC 7591 §3), and `GET`, `PUT`, `DELETE /oauth/register/{client_id}` (RFC 7592 §2). */
export function registerRoutes({ registrations, issuer, maxBodyBytes }: RegisterRouteDeps): Router {
  const router = Router();
  const body = [express.json({ limit: maxBodyBytes }), requireJson()];
  const answer = (res: Response, status: number, registered: RegisteredClient) => {
    res.status(status).set('Cache-Control', 'no-store').json(toWire(registered, issuer));
  };
  router.post('/oauth/register', body, async (req: Request, res: Response) => {
    const initialAccessToken = presentedToken(req);
    answer(res, 201, await registrations.register({ body: req.body, initialAccessToken }, requestOrigin(req)));
  });
  router
    .route('/oauth/register/:clientId')
    .get(async (req, res) => {
      answer(res, 200, await registrations.read(managementRequest(req)));
    })
    .put(body, async (req: Request, res: Response) => {
      answer(res, 200, await registrations.replace(managementRequest(req), req.body, requestOrigin(req)));
    })
    .delete(async (req, res) => {
      await registrations.remove(managementRequest(req), requestOrigin(req));
      res.status(204).set('Cache-Control', 'no-store').end();
    });
  return router;
}

function requireJson(): RequestHandler {
  return (req, _res, next) => {
    const { body }: { body?: unknown } = req;
    if (!req.is('application/json') || typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new OAuthError('invalid_client_metadata', 'the client metadata must be a JSON object');
    }
    next();
  };
}

/** A header that is there and is no bearer is presented all the same, and will not be found. */
function presentedToken(req: Request): string | undefined {
  const { authorization } = req.headers;
  return authorization === undefined ? undefined : (bearerOf(authorization) ?? '');
}

function managementRequest(req: Request): ManagementRequest {
  const { clientId } = req.params;
  // What has another form is nobody's id, and PostgreSQL has no text for some of it.
  const isId = typeof clientId === 'string' && /^[\x21-\x7e]{1,128}$/.test(clientId);
  return { clientId: isId ? clientId : '', registrationAccessToken: presentedToken(req) };
}

/** The client information response (RFC 7591 §3.2.1, RFC 7592 §3). */
function toWire({ client, createdAt, registrationAccessToken, clientSecret }: RegisteredClient, issuer: string) {
  return {
    client_id: client.clientId,
    client_id_issued_at: Math.floor(createdAt.getTime() / 1000),
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret, client_secret_expires_at: 0 }),
    registration_access_token: registrationAccessToken,
    registration_client_uri: `${issuer}/oauth/register/${client.clientId}`,
    ...(client.clientName === '' ? {} : { client_name: client.clientName }),
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    response_types: client.grantTypes.includes('authorization_code') ? ['code'] : [],
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(client.signingAlg === undefined ? {} : { token_endpoint_auth_signing_alg: client.signingAlg }),
    ...(client.keys === undefined ? {} : { jwks: { keys: client.keys } }),
    scope: client.scope,
    ...client.metadata,
  };
}
