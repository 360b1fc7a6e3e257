import { bearerOf } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import type { AccessTokens } from './access-tokens.ts';
import { isWithin } from './granted-scope.ts';
import { OAuthError } from './oauth-error.ts';

/** `GET` and `POST /oauth/userinfo` (OpenID Connect Core §5.3), with the token in the header (RFC 6750 §2.1). */
export function userinfoRoutes({ accessTokens }: { accessTokens: Pick<AccessTokens, 'authenticate'> }): Router {
  const router = Router();
  const answer: RequestHandler = async (req, res) => {
    const { authorization } = req.headers;
    const token = bearerOf(authorization);
    const holder = token === undefined ? undefined : await accessTokens.authenticate(token);
    if (!holder) {
      // Without any credential the challenge says only how to send one (RFC 6750 §3.1).
      const challenge = authorization === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
      const headers = { 'WWW-Authenticate': challenge };
      throw new OAuthError('invalid_token', 'the access token is not valid', { headers });
    }
    if (!isWithin('openid', holder.scope)) {
      const headers = { 'WWW-Authenticate': 'Bearer error="insufficient_scope", scope="openid"' };
      throw new OAuthError('insufficient_scope', 'the access token lacks the scope openid', { headers });
    }
    res.set('Cache-Control', 'no-store').json({
      sub: holder.userId,
      ...(isWithin('email', holder.scope) ? { email: holder.email, email_verified: true } : {}),
      ...(isWithin('profile', holder.scope) && holder.displayName !== '' ? { name: holder.displayName } : {}),
    });
  };
  router.route('/oauth/userinfo').get(answer).post(answer);
  return router;
}
