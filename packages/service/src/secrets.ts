import type { IncomingHttpHeaders } from 'node:http';
import { constantTimeEqual } from '@codex-gateways/crypto';
import type { RequestHandler } from 'express';
import { HttpError } from './http-error.ts';

/** The code of a refusal that is about a secret which services share, and about nothing else that a call shows. */
export const SECRET_REFUSED = 'unauthorized';

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
  return requireThat((headers) => hasInternalSecret(headers, secret));
}

/** As `requireInternalSecret` decides, for what is not Express. */
export function hasInternalSecret(headers: IncomingHttpHeaders, secret: string): boolean {
  const presented = headers['x-internal-secret'];
  return secret === '' || (typeof presented === 'string' && constantTimeEqual(presented, secret));
}

/**
 * Lets a request through that carries the secret as its bearer: the gateways' own administration.
 * @param secret - empty turns the check off, which configuration permits in development mode only
 */
export function requireSharedSecret(secret: string): RequestHandler {
  return requireThat(({ authorization }) => {
    const presented = bearerOf(authorization);
    return secret === '' || (presented !== undefined && constantTimeEqual(presented, secret));
  });
}

function requireThat(isAuthorized: (headers: IncomingHttpHeaders) => boolean): RequestHandler {
  return (req, _res, next) => {
    if (!isAuthorized(req.headers)) {
      throw new HttpError(401, SECRET_REFUSED, 'this call needs a secret that services share');
    }
    next();
  };
}
