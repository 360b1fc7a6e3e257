import { identifier, lineOfText, pageLimit, parseInput } from '@codex-gateways/service';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requireAdmin } from '../accounts/require-admin.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { AdministeredUser } from './user-admin-store.ts';
import type { Administrator, ChangedUser, UserAdministration } from './user-administration.ts';

const PATH = '/api/admin/users';
const MAX_BODY_BYTES = 4096;

const listSchema = z.object({
  limit: pageLimit,
  cursor: identifier.optional(),
});
const createSchema = z.strictObject({
  email: z
    .string()
    .trim()
    .max(254)
    .regex(/^[^\s@\p{Cc}\p{Cs}]{1,64}@[^\s@\p{Cc}\p{Cs}]{1,189}$/u, 'must be an email address'),
  display_name: lineOfText({ maxLength: 100 }).default(''),
  role: z.enum(['admin', 'member']).default('member'),
});
const changeSchema = z
  .strictObject({
    role: z.enum(['admin', 'member']).optional(),
    disabled: z.boolean().optional(),
    reset_password: z.literal(true).optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must name something to change');

/** `/api/admin/users`: the users of the installation, for administrators. */
export function userAdminRoutes({
  administration,
  withUser,
}: {
  administration: UserAdministration;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  const admin = [withUser, requireAdmin()];
  const json = express.json({ limit: MAX_BODY_BYTES });
  router.get(PATH, admin, listRoute(administration));
  router.post(PATH, admin, json, createRoute(administration));
  router.patch(`${PATH}/:id`, admin, json, changeRoute(administration));
  return router;
}

/** `GET ?limit=&cursor=`: in the order of their addresses. */
function listRoute(administration: UserAdministration): RequestHandler {
  return async (req, res) => {
    const { limit, cursor } = parseInput(listSchema, req.query);
    const { users, nextAfterUserId } = await administration.list({ afterUserId: cursor, limit });
    res
      .set('Cache-Control', 'no-store')
      .json({ users: users.map((user) => toWire(user)), next_cursor: nextAfterUserId ?? null });
  };
}

/** `POST {email, display_name?, role?}`: 201 with a generated password, this once. */
function createRoute(administration: UserAdministration): RequestHandler {
  return async (req, res) => {
    const body = parseInput(createSchema, req.body);
    const account = { email: body.email, displayName: body.display_name, role: body.role };
    answer(res.status(201), await administration.create(account, administrator(req, res)));
  };
}

/** `PATCH {role?, disabled?, reset_password?}`: with the latter a generated password, this once. */
function changeRoute(administration: UserAdministration): RequestHandler {
  return async (req, res) => {
    const userId = parseInput(identifier, req.params.id);
    const { role, disabled, reset_password: resetPassword } = parseInput(changeSchema, req.body);
    const changes = { role, disabled, resetPassword };
    answer(res, await administration.change(userId, changes, administrator(req, res)));
  };
}

function answer(res: Response, { user, oneTimePassword }: ChangedUser): void {
  const password = oneTimePassword === undefined ? {} : { one_time_password: oneTimePassword };
  res.set('Cache-Control', 'no-store').json({ ...toWire(user), ...password });
}

function administrator(req: Request, res: Response): Administrator {
  return { userId: currentUser(res).userId, origin: requestOrigin(req) };
}

function toWire(user: AdministeredUser) {
  return {
    id: user.id,
    email: user.email,
    display_name: user.displayName,
    role: user.role,
    created_at: user.createdAt.toISOString(),
    disabled_at: user.disabledAt?.toISOString() ?? null,
    last_seen_at: user.lastSeenAt?.toISOString() ?? null,
    must_change_password: user.mustChangePassword,
  };
}
