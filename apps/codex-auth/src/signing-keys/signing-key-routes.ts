import { HttpError, identifier, parseInput } from '@codex-gateways/service';
import express, { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requireAdmin } from '../accounts/require-admin.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { KeyRotation } from './key-rotation.ts';
import type { PublishedKey } from './published-keys.ts';

const PATH = '/api/admin/signing-keys';
const MAX_BODY_BYTES = 1024;

const rotateSchema = z.object({ immediate: z.boolean().default(false) }).default({ immediate: false });

/** `/api/admin/signing-keys`: which keys there are, a new one, and an end to a compromised one. */
export function signingKeyRoutes({
  rotation,
  withUser,
}: {
  rotation: Pick<KeyRotation, 'list' | 'rotate' | 'withdraw'>;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  const admin = [withUser, requireAdmin()];
  router.get(PATH, admin, listKeysRoute(rotation));
  router.post(`${PATH}/rotate`, admin, express.json({ limit: MAX_BODY_BYTES }), rotateRoute(rotation));
  router.delete(`${PATH}/:kid`, admin, withdrawRoute(rotation));
  return router;
}

/** `GET`: every published key. */
function listKeysRoute(rotation: Pick<KeyRotation, 'list'>): RequestHandler {
  return async (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ keys: (await rotation.list()).map(toWire) });
  };
}

/** `POST …/rotate` `{immediate?}`: 201 with the new key; 200 with the one that was pending. */
function rotateRoute(rotation: Pick<KeyRotation, 'list' | 'rotate'>): RequestHandler {
  return async (req, res) => {
    const { immediate } = parseInput(rotateSchema, req.body);
    const by = { userId: currentUser(res).userId, origin: requestOrigin(req) };
    const { kid, isNew } = await rotation.rotate({ by, immediate });
    const key = (await rotation.list()).find((each) => each.kid === kid);
    if (!key) throw new HttpError(409, 'conflict', 'the new key has been withdrawn meanwhile');
    res
      .status(isNew ? 201 : 200)
      .set('Cache-Control', 'no-store')
      .json(toWire(key));
  };
}

/** `DELETE …/{kid}`: nothing that it signed is valid any more. */
function withdrawRoute(rotation: Pick<KeyRotation, 'withdraw'>): RequestHandler {
  return async (req, res) => {
    const kid = parseInput(identifier, req.params.kid);
    const by = { userId: currentUser(res).userId, origin: requestOrigin(req) };
    const withdrawn = await rotation.withdraw(kid, by);
    if (!withdrawn) throw new HttpError(404, 'not_found', 'there is no such signing key');
    res.set('Cache-Control', 'no-store').json({
      withdrawn: kid,
      status: withdrawn.status,
      active: withdrawn.activeKid ?? null,
      agent_identities: withdrawn.agentIdentities,
    });
  };
}

function toWire(key: PublishedKey) {
  const time = (value: Date | undefined) => value?.toISOString() ?? null;
  return {
    kid: key.kid,
    status: key.status,
    created_at: key.createdAt.toISOString(),
    activates_at: time(key.activatesAt),
    activated_at: time(key.activatedAt),
    retired_at: time(key.retiredAt),
    published_until: time(laterOf(key.publishedUntil, key.lastIdentityExpiresAt)),
    agent_identities: key.agentIdentities,
  };
}

/** Of a retired key: the end of the last token or Agent Identity JWT that it signed. */
function laterOf(publishedUntil: Date | undefined, lastIdentityExpiresAt: Date | undefined): Date | undefined {
  if (!publishedUntil || !lastIdentityExpiresAt) return publishedUntil;
  return publishedUntil > lastIdentityExpiresAt ? publishedUntil : lastIdentityExpiresAt;
}
