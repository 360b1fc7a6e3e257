import { identifier, lineOfText, parseInput, requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { optionalUserId, unknownExecutor, workspaceIdOf } from '../reading.ts';
import type { Bindings } from './bindings.ts';

const bodySchema = z.object({
  exe_id: identifier,
  name: lineOfText({ minLength: 1, maxLength: 200 }).optional(),
  description: z
    .string()
    .max(2000)
    .regex(/^[^\0\p{Cs}]*$/u, 'must be text')
    .optional(),
  is_default: z.boolean().optional(),
});

/** `POST …/workspaces/{wid}/executors`: binds an executor (201) or changes its binding (200). */
export function postBindingRoute({ bindings }: { bindings: Pick<Bindings, 'bind'> }): RequestHandler {
  return async (req, res) => {
    const workspaceId = workspaceIdOf(req.params.wid);
    const body = parseInput(bodySchema, req.body);
    const outcome = await bindings.bind(
      {
        workspaceId,
        exeId: body.exe_id,
        name: body.name,
        description: body.description,
        isDefault: body.is_default,
      },
      { userId: optionalUserId(req), requestId: requestIdOf(req) },
    );
    if (outcome.kind === 'unknown_executor') throw unknownExecutor();
    const { name, description, isDefault } = outcome.binding;
    res.status(outcome.kind === 'created' ? 201 : 200).json({
      workspace_id: workspaceId,
      exe_id: body.exe_id,
      name,
      description,
      is_default: isDefault,
    });
  };
}
