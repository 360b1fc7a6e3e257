import { HttpError, parseInput } from '@codex-gateways/service';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { RemoteTokenVerification } from '../remote-tokens/remote-token-verification.ts';

const bodySchema = z.object({ token: z.string().max(16_384) });

/**
 * `POST /api/internal/codex/tokens/verify`: who a remote token speaks for. 200 `{user_id, workspace_id}`; 401
 * `{"error":"invalid_token"}`, one answer for every reason, which only the log tells; 503 when it cannot be said now.
 */
export function verifyTokenRoute({
  verification,
}: {
  verification: Pick<RemoteTokenVerification, 'verify'>;
}): RequestHandler {
  return async (req, res) => {
    const { token } = parseInput(bodySchema, req.body);
    const outcome = await verification.verify(token);
    if (!outcome.ok) {
      throw new HttpError(401, 'invalid_token', 'the remote token is not valid', { reason: outcome.reason });
    }
    res.set('Cache-Control', 'no-store').json({ user_id: outcome.userId, workspace_id: outcome.workspaceId });
  };
}
