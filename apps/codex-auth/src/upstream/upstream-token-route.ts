import {
  codeErrorForm,
  errorMiddleware,
  HttpError,
  identifier,
  type Logger,
  parseInput,
  requireInternalSecret,
} from '@codex-gateways/service';
import express, { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { databaseUnavailable } from '../database-unavailable.ts';
import { otherMethods } from '../other-methods.ts';
import type { UpstreamTokenRefresher } from './upstream-token-refresher.ts';

const MAX_BODY_BYTES = 4096;
const bodySchema = z.object({ user_id: identifier, provider: identifier });

/**
 * `POST /internal/codex-auth/upstream-token {user_id, provider}`, for services that call a provider's API in a user's name: 200
 * `{access_token, token_type, expires_at}`; 404 when the user has to sign in again; 503 when the provider cannot be asked now.
 */
export function upstreamTokenRoutes({
  refresher,
  internalApiSecret,
  log,
}: {
  refresher: Pick<UpstreamTokenRefresher, 'fresh'>;
  internalApiSecret: string;
  log: Logger;
}): Router {
  const router = Router();
  const guards = [requireInternalSecret(internalApiSecret), express.json({ limit: MAX_BODY_BYTES })];
  router.post('/internal/codex-auth/upstream-token', guards, async (req: Request, res: Response) => {
    const { user_id: userId, provider } = parseInput(bodySchema, req.body);
    const token = await refresher.fresh({ userId, provider });
    if (!token) throw new HttpError(404, 'not_found', 'the user has no tokens of this provider');
    res.set('Cache-Control', 'no-store').json({
      access_token: token.accessToken,
      token_type: 'Bearer',
      expires_at: token.expiresAt?.toISOString() ?? null,
    });
  });
  router.use(otherMethods([router]));
  router.use('/internal', databaseUnavailable(), errorMiddleware({ form: codeErrorForm, log }));
  return router;
}
