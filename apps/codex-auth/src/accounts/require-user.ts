import { bearerOf, HttpError } from '@codex-gateways/service';
import type { Request, RequestHandler } from 'express';
import type { AccessTokens } from '../oauth/access-tokens.ts';
import { API_SCOPE, isBuiltInClient } from '../oauth/scopes.ts';
import { type CurrentUser, setCurrentUser } from './current-user.ts';
import { isSameOrigin } from './same-origin.ts';
import type { SessionResolver } from './session-resolver.ts';

export interface RequireUserDeps {
  readonly sessions: SessionResolver;
  readonly accessTokens: Pick<AccessTokens, 'authenticate'>;
  readonly issuer: string;
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Lets a signed-in person through, by access token or by session cookie. A bearer, once presented, is the only credential
 * that counts. With a cookie, a write must come from our own pages and have a JSON body, if it has one (CSRF).
 * @throws {HttpError} 401 `unauthorized`; 403 `csrf`; 403 `insufficient_scope`; 415 for a write of another content type
 */
export function requireUser({ sessions, accessTokens, issuer }: RequireUserDeps): RequestHandler {
  return async (req, res, next) => {
    const user =
      req.headers.authorization === undefined
        ? await bySession(req, { sessions, issuer })
        : await byAccessToken(req.headers.authorization, accessTokens);
    setCurrentUser(res, user);
    next();
  };
}

async function bySession(
  req: Request,
  { sessions, issuer }: Pick<RequireUserDeps, 'sessions' | 'issuer'>,
): Promise<CurrentUser> {
  const user = await sessions.resolve(req.headers.cookie);
  if (!user) {
    // No error code where nothing was presented (RFC 6750 §3.1).
    const headers = { 'WWW-Authenticate': 'Bearer' };
    throw new HttpError(401, 'unauthorized', 'sign in, or send an access token', { headers });
  }
  if (!SAFE_METHODS.has(req.method)) refuseForeignWrite(req, issuer);
  return { userId: user.userId, email: user.email, role: user.role, via: 'session' };
}

function refuseForeignWrite(req: Request, issuer: string): void {
  if (!isSameOrigin(req, issuer)) throw new HttpError(403, 'csrf', 'this request comes from another site');
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody && !req.is('application/json')) {
    throw new HttpError(415, 'unsupported_media_type', 'the body must be application/json');
  }
}

async function byAccessToken(
  authorization: string,
  accessTokens: Pick<AccessTokens, 'authenticate'>,
): Promise<CurrentUser> {
  const token = bearerOf(authorization);
  const access = token === undefined ? undefined : await accessTokens.authenticate(token);
  if (!access) {
    throw new HttpError(401, 'unauthorized', 'the access token is not valid', {
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
    });
  }
  const mayUseApi = isBuiltInClient(access.clientId) || access.scope.split(' ').includes(API_SCOPE);
  if (!mayUseApi) {
    throw new HttpError(403, 'insufficient_scope', `the access token lacks the scope ${API_SCOPE}`, {
      headers: { 'WWW-Authenticate': `Bearer error="insufficient_scope", scope="${API_SCOPE}"` },
    });
  }
  return { userId: access.userId, email: access.email, role: access.role, via: 'access_token' };
}
