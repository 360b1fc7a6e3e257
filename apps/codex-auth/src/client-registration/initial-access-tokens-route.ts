import { HttpError, lineOfText, parseInput } from '@codex-gateways/service';
import express, { type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { type CurrentUser, currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { InitialAccessToken, InitialAccessTokens } from './initial-access-tokens.ts';

const MAX_BODY_BYTES = 4096;
const DAY_SECONDS = 86_400;

const bodySchema = z.object({
  name: lineOfText({ minLength: 1, maxLength: 100 }),
  expires_in_seconds: z
    .number()
    .int()
    .min(60)
    .max(365 * DAY_SECONDS)
    .default(7 * DAY_SECONDS),
  max_uses: z.number().int().min(1).max(10_000).default(1),
});

/** `POST`, `GET /api/admin/initial-access-tokens` and `DELETE …/{id}`: who may register clients; for administrators. */
export function initialAccessTokenRoutes({
  initialAccessTokens,
  withUser,
}: {
  initialAccessTokens: Pick<InitialAccessTokens, 'mint' | 'list' | 'revoke'>;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  const path = '/api/admin/initial-access-tokens';
  router.post(path, withUser, express.json({ limit: MAX_BODY_BYTES }), async (req, res) => {
    const { userId } = administrator(res);
    const { name, expires_in_seconds: lifetimeSeconds, max_uses: maxUses } = parseInput(bodySchema, req.body);
    const request = { userId, name, lifetimeSeconds, maxUses };
    const { minted, token } = await initialAccessTokens.mint(request, requestOrigin(req));
    res
      .status(201)
      .set('Cache-Control', 'no-store')
      .json({ ...toWire(minted), token });
  });
  router.get(path, withUser, async (_req, res) => {
    administrator(res);
    res.set('Cache-Control', 'no-store').json((await initialAccessTokens.list()).map(toWire));
  });
  router.delete(`${path}/:id`, withUser, async (req, res) => {
    const { userId } = administrator(res);
    const id = parseInput(z.uuid(), req.params.id);
    await initialAccessTokens.revoke({ id, userId }, requestOrigin(req));
    res.status(204).end();
  });
  return router;
}

function administrator(res: Response): CurrentUser {
  const user = currentUser(res);
  if (user.role === 'admin') return user;
  throw new HttpError(403, 'forbidden', 'initial access tokens are for administrators');
}

function toWire(token: InitialAccessToken) {
  return {
    id: token.id,
    name: token.name,
    created_by: token.createdBy,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt.toISOString(),
    max_uses: token.maxUses,
    uses: token.uses,
    revoked_at: token.revokedAt?.toISOString() ?? null,
  };
}
