import { HttpError, identifier } from '@codex-gateways/service';
import type { Request, Response } from 'express';
import { isExecutorId } from './executors/executor-id.ts';

/* How requests are read, the same on every route. */

/** @throws {HttpError} 400 when the parameter is there more than once */
export function singleQueryParameter(req: Request, name: string): string | undefined {
  const value = req.query[name];
  if (value === undefined || typeof value === 'string') return value || undefined;
  throw new HttpError(400, 'invalid_request', `${name} must be given once`);
}

/** The person on whose behalf another service calls. @throws {HttpError} 400 when it is missing or malformed */
export function requiredUserId(req: Request): string {
  const userId = optionalUserId(req);
  if (userId === undefined) throw new HttpError(400, 'invalid_request', 'the header X-User-Id is missing');
  return userId;
}

/** @throws {HttpError} 400 when it is malformed */
export function optionalUserId(req: Request): string | undefined {
  const userId = req.headers['x-user-id'];
  if (userId === undefined) return undefined;
  const parsed = identifier.safeParse(userId);
  if (parsed.success) return parsed.data;
  throw new HttpError(400, 'invalid_request', 'the header X-User-Id must be 1 to 128 visible ASCII characters');
}

/** @throws {HttpError} 400 */
export function workspaceIdOf(text: unknown): string {
  const parsed = identifier.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new HttpError(400, 'invalid_request', 'a workspace id is 1 to 128 visible ASCII characters');
}

/** The executor id of a path. An id that nobody can have is simply unknown. @throws {HttpError} 404 */
export function executorIdOf(text: unknown): string {
  if (isExecutorId(text)) return text;
  throw unknownExecutor();
}

export function unknownExecutor(): HttpError {
  return new HttpError(
    404,
    'executor_not_found',
    'there is no executor with this id; add a connector and start with the environment id that it shows',
  );
}

/** Aborts when the caller hangs up before it was answered. */
export function goneSignal(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
