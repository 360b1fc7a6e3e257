import { requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { isExecutorId } from '../executors/executor-id.ts';
import { optionalUserId, workspaceIdOf } from '../reading.ts';
import type { Bindings } from './bindings.ts';

/** `DELETE …/workspaces/{wid}/executors/{exe_id}`: 204 whether it was bound or not. */
export function deleteBindingRoute({ bindings }: { bindings: Pick<Bindings, 'unbind'> }): RequestHandler {
  return async (req, res) => {
    const workspaceId = workspaceIdOf(req.params.wid);
    const { exe_id: exeId } = req.params;
    const actor = { userId: optionalUserId(req), requestId: requestIdOf(req) };
    if (isExecutorId(exeId)) await bindings.unbind({ workspaceId, exeId }, actor);
    res.status(204).end();
  };
}
