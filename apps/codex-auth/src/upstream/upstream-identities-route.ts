import { identifier, parseInput } from '@codex-gateways/service';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requireAdmin } from '../accounts/require-admin.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { UpstreamIdentities } from './upstream-identities.ts';
import type { UpstreamIdentity } from './upstream-identity-store.ts';

const PATH = '/api/admin/users/:id/identities';
const MAX_BODY_BYTES = 4096;

const nameSchema = z.strictObject({
  provider: identifier,
  subject: z.string().regex(/^[^\p{Cc}\p{Cs}]{1,255}$/u, 'must be a subject'),
});

/** `/api/admin/users/{id}/identities`: who a user is at identity providers, for administrators. */
export function upstreamIdentityRoutes({
  identities,
  withUser,
}: {
  identities: UpstreamIdentities;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  const admin = [withUser, requireAdmin()];
  router.get(PATH, admin, async (req: Request, res: Response) => {
    const found = await identities.listOf(parseInput(identifier, req.params.id));
    res.set('Cache-Control', 'no-store').json({ identities: found.map(toWire) });
  });
  router.post(PATH, admin, express.json({ limit: MAX_BODY_BYTES }), async (req: Request, res: Response) => {
    const userId = parseInput(identifier, req.params.id);
    await identities.link({ userId, ...parseInput(nameSchema, req.body) }, administrator(req, res));
    res.status(204).end();
  });
  router.delete(`${PATH}/:provider/:subject`, admin, async (req: Request, res: Response) => {
    const { id, provider, subject } = req.params;
    const userId = parseInput(identifier, id);
    await identities.unlink({ userId, ...parseInput(nameSchema, { provider, subject }) }, administrator(req, res));
    res.status(204).end();
  });
  return router;
}

function administrator(req: Request, res: Response) {
  return { userId: currentUser(res).userId, origin: requestOrigin(req) };
}

function toWire({ provider, subject, email, createdAt, lastSignedInAt }: UpstreamIdentity) {
  return {
    provider,
    subject,
    email,
    created_at: createdAt.toISOString(),
    last_signed_in_at: lastSignedInAt?.toISOString() ?? null,
  };
}
