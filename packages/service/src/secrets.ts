import { constantTimeEqual } from '@codex-gateways/crypto';
import type { Request, RequestHandler } from 'express';
import { HttpError } from './http-error.ts';

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;

/** The token of an `Authorization: Bearer` header (RFC 6750 §2.1), or undefined. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.[1];
}

/**
 * Lets a request through that carries the secret in `X-Internal-Secret`: calls between services on behalf of people.
 * @param secret - empty turns the check off, which configuration permits in development mode only
 */
export function requireInternalSecret(secret: string): RequestHandler {
  return requireSecret(secret, (req) => singleHeader(req, 'x-internal-secret'));
}

/**
 * Lets a request through that carries the secret as its bearer: the gateways' own administration.
 * @param secret - empty turns the check off, which configuration permits in development mode only
 */
export function requireSharedSecret(secret: string): RequestHandler {
  return requireSecret(secret, (req) => bearerOf(req.headers.authorization));
}

function requireSecret(secret: string, presentedBy: (req: Request) => string | undefined): RequestHandler {
  return (req, _res, next) => {
    const presented = presentedBy(req);
    if (secret !== '' && (presented === undefined || !constantTimeEqual(presented, secret))) {
      throw new HttpError(401, 'unauthorized', 'this call needs a secret that services share');
    }
    next();
  };
}

function singleHeader(req: Request, name: string): string | undefined {
  const value = req.headers[name];
  return typeof value === 'string' ? value : undefined;
}
