import { HttpError, identifier, requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { optionalUserId } from '../reading.ts';
import { isExecutorId } from './executor-id.ts';
import type { Executors } from './executors.ts';

/**
 * `POST /api/codex-exec/executors/{exe_id}/disconnect`: its credentials no longer hold. From the answer on its tickets open nothing, and
 * its connection and bridges are closing at every replica. 204 whether it was connected, or there, or not.
 */
export function disconnectExecutorRoute({ executors }: { executors: Pick<Executors, 'disconnect'> }): RequestHandler {
  return async (req, res) => {
    const { exe_id: exeId } = req.params;
    const actor = { userId: optionalUserId(req), requestId: requestIdOf(req) };
    if (isExecutorId(exeId)) await executors.disconnect({ exeId }, actor);
    res.status(204).end();
  };
}

/** `POST /api/codex-exec/users/{user_id}/disconnect`: the same for every executor of a user who may not use them any more. */
export function disconnectUserRoute({ executors }: { executors: Pick<Executors, 'disconnect'> }): RequestHandler {
  return async (req, res) => {
    const ownerUserId = identifier.safeParse(req.params.user_id);
    if (!ownerUserId.success) {
      throw new HttpError(400, 'invalid_request', 'a user id is 1 to 128 visible ASCII characters');
    }
    const actor = { userId: optionalUserId(req), requestId: requestIdOf(req) };
    await executors.disconnect({ ownerUserId: ownerUserId.data }, actor);
    res.status(204).end();
  };
}
