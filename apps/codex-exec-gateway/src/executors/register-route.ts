import { lineOfText, parseInput, requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { requiredUserId } from '../reading.ts';
import type { Executors } from './executors.ts';

const bodySchema = z.object({ display_name: lineOfText({ minLength: 1, maxLength: 200 }) });

/** `POST /api/codex-exec/register`: makes an executor for the user of `X-User-Id`. */
export function registerExecutorRoute({ executors }: { executors: Pick<Executors, 'create'> }): RequestHandler {
  return async (req, res) => {
    const ownerUserId = requiredUserId(req);
    const { display_name: displayName } = parseInput(bodySchema, req.body);
    const exeId = await executors.create({ ownerUserId, displayName, requestId: requestIdOf(req) });
    res.status(201).json({ exe_id: exeId });
  };
}
