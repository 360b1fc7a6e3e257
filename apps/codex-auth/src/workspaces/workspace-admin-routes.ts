import { identifier, lineOfText, parseInput } from '@codex-gateways/service';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { currentUser } from '../accounts/current-user.ts';
import { requestOrigin } from '../audit/request-origin.ts';
import type { Caller, WorkspaceAdministration } from './workspace-administration.ts';
import type { Member } from './workspace-store.ts';

const MAX_BODY_BYTES = 4096;

const nameSchema = z.strictObject({ name: lineOfText({ minLength: 1, maxLength: 100 }) });
const role = z.enum(['owner', 'member']);
const memberSchema = z.strictObject({
  email: lineOfText({ minLength: 3, maxLength: 254 }),
  role: role.default('member'),
});
const roleSchema = z.strictObject({ role });

/** `/api/workspaces…` beside the list: making and naming workspaces, and who belongs to them. */
export function workspaceAdminRoutes({
  administration,
  withUser,
}: {
  administration: WorkspaceAdministration;
  withUser: RequestHandler;
}): Router {
  const router = Router();
  const json = express.json({ limit: MAX_BODY_BYTES });
  const one = '/api/workspaces/:id';
  const member = `${one}/members/:userId`;
  router.post('/api/workspaces', withUser, json, createRoute(administration));
  router.patch(one, withUser, json, renameRoute(administration));
  router.get(`${one}/members`, withUser, membersRoute(administration));
  router.post(`${one}/members`, withUser, json, addMemberRoute(administration));
  router.patch(member, withUser, json, changeRoleRoute(administration));
  router.delete(member, withUser, removeMemberRoute(administration));
  return router;
}

/** `POST {name}`: 201; the caller owns it. */
function createRoute(administration: WorkspaceAdministration): RequestHandler {
  return async (req, res) => {
    const { name } = parseInput(nameSchema, req.body);
    const made = await administration.create(name, caller(req, res));
    res.status(201).set('Cache-Control', 'no-store').json(made);
  };
}

/** `PATCH {name}`. */
function renameRoute(administration: WorkspaceAdministration): RequestHandler {
  return async (req, res) => {
    const { name } = parseInput(nameSchema, req.body);
    const renamed = await administration.rename(workspaceOf(req), name, caller(req, res));
    res.set('Cache-Control', 'no-store').json(renamed);
  };
}

/** `GET …/members`: for its members. */
function membersRoute(administration: WorkspaceAdministration): RequestHandler {
  return async (req, res) => {
    const members = await administration.members(workspaceOf(req), currentUser(res));
    res.set('Cache-Control', 'no-store').json(members.map(toWire));
  };
}

/** `POST …/members` `{email, role?}`: 201. */
function addMemberRoute(administration: WorkspaceAdministration): RequestHandler {
  return async (req, res) => {
    const added = await administration.addMember(
      workspaceOf(req),
      parseInput(memberSchema, req.body),
      caller(req, res),
    );
    res.status(201).set('Cache-Control', 'no-store').json(toWire(added));
  };
}

/** `PATCH …/members/{user_id}` `{role}`: 204. */
function changeRoleRoute(administration: WorkspaceAdministration): RequestHandler {
  return async (req, res) => {
    const change = { userId: parseInput(identifier, req.params.userId), ...parseInput(roleSchema, req.body) };
    await administration.changeRole(workspaceOf(req), change, caller(req, res));
    res.status(204).end();
  };
}

/** `DELETE …/members/{user_id}`: 204. */
function removeMemberRoute(administration: WorkspaceAdministration): RequestHandler {
  return async (req, res) => {
    const userId = parseInput(identifier, req.params.userId);
    await administration.removeMember(workspaceOf(req), userId, caller(req, res));
    res.status(204).end();
  };
}

function workspaceOf(req: Request): string {
  return parseInput(identifier, req.params.id);
}

function caller(req: Request, res: Response): Caller {
  return { userId: currentUser(res).userId, origin: requestOrigin(req) };
}

function toWire(member: Member) {
  return {
    user_id: member.userId,
    email: member.email,
    display_name: member.displayName,
    role: member.role,
    joined_at: member.joinedAt.toISOString(),
  };
}
