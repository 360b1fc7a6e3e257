import { parseInput } from '@codex-gateways/service';
import { noiseKeyDigest, noisePublicKeySchema } from '@codex-gateways/tokens';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { executorIdOf, goneSignal, unknownExecutor } from '../reading.ts';
import type { TurnGuard } from '../revocation/turn-guard.ts';
import { isPassingTrouble } from '../unavailable.ts';
import type { AgentserverValidator } from './agentserver-validator.ts';
import { authenticateExecutor, notOwner, readCredentials } from './authenticate-executor.ts';
import { holdThroughTrouble } from './hold-through-trouble.ts';
import type { Registrations } from './registrations.ts';

const bodySchema = z.object({
  executor_registration_id: z.string().max(128),
  harness_public_key: noisePublicKeySchema,
  harness_key_authorization: z.string().max(4096),
});

/**
 * `POST /cloud/environment/{id}/validate`: an executor asks whether the harness that knocks speaks for a running turn of a
 * workspace that may reach it. `{"valid":false}` is the answer to any authorization that does not hold.
 */
export function cloudValidateRoute({
  validator,
  registrations,
  turnGuard,
  holdMs,
}: {
  validator: Pick<AgentserverValidator, 'validate'>;
  registrations: Pick<Registrations, 'registered'>;
  turnGuard: Pick<TurnGuard, 'harnessKey'>;
  holdMs: number;
}): RequestHandler {
  return async (req, res) => {
    const exeId = executorIdOf(req.params.id);
    const body = parseInput(bodySchema, req.body);
    const credentials = readCredentials(req);
    const isValid = await holdThroughTrouble(
      async (signal) => {
        const userId = await authenticateExecutor(validator, credentials, signal);
        const claims = turnGuard.harnessKey(body.harness_key_authorization);
        const executor = await registrations.registered({ exeId, workspaceId: claims?.workspace_id ?? '' });
        if (!executor) throw unknownExecutor();
        if (executor.ownerUserId !== userId) throw notOwner();
        return (
          claims !== undefined &&
          executor.isBound &&
          claims.executor_registration_id === body.executor_registration_id &&
          claims.executor_registration_id === executor.liveRegistrationId &&
          claims.harness_key_digest === noiseKeyDigest(body.harness_public_key) &&
          // Once more: the turn may have been revoked while the database answered.
          turnGuard.harnessKey(body.harness_key_authorization) !== undefined
        );
      },
      { holdMs, isPassing: isPassingTrouble, callerGone: goneSignal(res) },
    );
    if (!isValid) res.locals.refusal = 'harness key authorization does not hold';
    res.set('Cache-Control', 'no-store').json({ valid: isValid });
  };
}
