import { requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { optionalUserId } from '../reading.ts';
import { isExecutorId } from './executor-id.ts';
import type { Executors } from './executors.ts';

/** `DELETE /api/codex-exec/executors/{exe_id}`: 204 whether it was there or not. */
export function deleteExecutorRoute({ executors }: { executors: Pick<Executors, 'delete'> }): RequestHandler {
  return async (req, res) => {
    const { exe_id: exeId } = req.params;
    const userId = optionalUserId(req);
    if (isExecutorId(exeId)) await executors.delete(exeId, { userId, requestId: requestIdOf(req) });
    res.status(204).end();
  };
}
