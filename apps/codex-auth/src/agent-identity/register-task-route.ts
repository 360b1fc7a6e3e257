import { HttpError, identifier, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { networkOf } from '../rate-limits/address-rate-limit.ts';
import type { AgentTasks } from './agent-tasks.ts';
import type { FailureLimit } from './failure-limit.ts';

export interface RegisterTaskDeps {
  readonly tasks: Pick<AgentTasks, 'register'>;
  readonly failures: FailureLimit;
}

// The CLI sends nothing else today; what it adds later is not our business.
const bodySchema = z.object({ timestamp: z.string().max(40), signature: z.string().max(128) });

/**
 * `POST /v1/agent/{agent_runtime_id}/task/register` of the Codex CLI (docs/protocol.md, "Agent identity"): a signed timestamp
 * becomes a task id. Every refusal is one and the same 401.
 */
export function registerTaskRoute({ tasks, failures }: RegisterTaskDeps): RequestHandler {
  return async (req, res) => {
    const agentRuntimeId = parseInput(identifier, req.params.agentRuntimeId);
    const { timestamp, signature } = parseInput(bodySchema, req.body);
    const key = `${networkOf(req.ip ?? '')} ${agentRuntimeId}`;
    await failures.check(key);
    const outcome = await tasks.register({ agentRuntimeId, timestamp, signature });
    if (!outcome.ok) {
      await failures.count(key);
      throw new HttpError(401, 'unauthorized', 'this agent may not register a task', { reason: outcome.reason });
    }
    res.set('Cache-Control', 'no-store').json({ task_id: outcome.taskId });
  };
}
