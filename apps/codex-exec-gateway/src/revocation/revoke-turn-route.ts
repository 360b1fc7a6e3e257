import { parseInput, requestIdOf } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { RevokedTurns } from './revoked-turns.ts';

const bodySchema = z.object({
  turn_id: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must be an id'),
  // A NumericDate (RFC 7519 §2), which may have a fraction.
  exp: z.number().nonnegative().max(Number.MAX_SAFE_INTEGER).nullish(),
});

/** `POST /api/exec-gateway/revoke-turn`: from the answer on, nothing of the turn is accepted and its bridges are closing. */
export function revokeTurnRoute({ revokedTurns }: { revokedTurns: Pick<RevokedTurns, 'revoke'> }): RequestHandler {
  return async (req, res) => {
    const { turn_id: turnId, exp } = parseInput(bodySchema, req.body);
    await revokedTurns.revoke({
      turnId,
      expiresAtSeconds: exp == null ? undefined : Math.ceil(exp),
      requestId: requestIdOf(req),
    });
    res.status(204).end();
  };
}
