import express, { Router } from 'express';
import { type RegisterTaskDeps, registerTaskRoute } from './register-task-route.ts';

/** Where CLI versions look for the endpoint: below their auth API, or below their ChatGPT base (docs/protocol.md). */
const TASK_REGISTRATION_PATHS = [
  '/v1/agent/:agentRuntimeId/task/register',
  '/backend-api/v1/agent/:agentRuntimeId/task/register',
];

const MAX_BODY_BYTES = 4096;

/** What executors call to begin a task. */
export function agentIdentityRoutes(deps: RegisterTaskDeps): Router {
  const router = Router();
  router.post(TASK_REGISTRATION_PATHS, express.json({ limit: MAX_BODY_BYTES }), registerTaskRoute(deps));
  return router;
}
