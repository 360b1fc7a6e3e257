import { HttpError } from '@codex-gateways/service';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { SignedInPlaces, UserAccess } from './user-access.ts';

/** `/api/sessions`: where the caller is signed in. */
export function sessionRoutes({ access, withUser }: { access: UserAccess; withUser: RequestHandler }): Router {
  const router = Router();
  router.get('/api/sessions', withUser, async (req, res) => {
    const places = await access.placesOf(currentUser(res).userId, req.headers.cookie);
    res.set('Cache-Control', 'no-store').json(toWire(places));
  });
  router.delete('/api/sessions', withUser, async (req, res) => {
    await access.endAll({ userId: currentUser(res).userId, origin: requestOrigin(req) });
    res.status(204).end();
  });
  router.delete('/api/sessions/:id', withUser, async (req, res) => {
    const id = sessionId(req.params.id);
    await access.end({ id, userId: currentUser(res).userId, origin: requestOrigin(req) });
    res.status(204).end();
  });
  return router;
}

/** An id of a session or a device. @throws {HttpError} 404 for anything that cannot be one */
export function sessionId(text: unknown): string {
  const id = z.uuid().safeParse(text);
  if (!id.success) throw new HttpError(404, 'not_found', 'there is no such session');
  return id.data;
}

function toWire({ sessions, devices }: SignedInPlaces) {
  return {
    sessions: sessions.map((session) => ({
      id: session.id,
      created_at: session.createdAt.toISOString(),
      last_seen_at: session.lastSeenAt.toISOString(),
      expires_at: session.expiresAt.toISOString(),
      ip: session.ip ?? null,
      user_agent: session.userAgent ?? null,
      is_current: session.isCurrent,
    })),
    devices: devices.map((device) => ({
      id: device.id,
      client_id: device.clientId,
      client_name: device.clientName,
      scope: device.scope,
      created_at: device.createdAt.toISOString(),
      last_used_at: device.lastUsedAt.toISOString(),
      expires_at: device.expiresAt.toISOString(),
      ip: device.ip ?? null,
      user_agent: device.userAgent ?? null,
    })),
  };
}
