import { HttpError, lineOfText, parseInput, requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { requiredUserId } from '../reading.ts';
import { isMintedExecutorId } from './executor-id.ts';
import type { Executors } from './executors.ts';

const bodySchema = z.object({
  display_name: lineOfText({ minLength: 1, maxLength: 200 }),
  exe_id: z.string().refine(isMintedExecutorId, 'must be exe_ and a UUID').optional(),
});

/** `POST /api/codex-exec/register`: makes an executor for the user of `X-User-Id`, under an id of the caller's if it has one. */
export function registerExecutorRoute({ executors }: { executors: Pick<Executors, 'create'> }): RequestHandler {
  return async (req, res) => {
    const ownerUserId = requiredUserId(req);
    const body = parseInput(bodySchema, req.body);
    const exeId = await executors.create({
      exeId: body.exe_id,
      ownerUserId,
      displayName: body.display_name,
      requestId: requestIdOf(req),
    });
    if (exeId === undefined) throw new HttpError(409, 'executor_exists', 'this exe_id belongs to another executor');
    res.status(201).json({ exe_id: exeId });
  };
}
