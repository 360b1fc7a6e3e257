import { HttpError, parseInput } from '@codex-gateways/service';
import { z } from 'zod';
import type { RemoteTokenVerification } from '../remote-tokens/remote-token-verification.ts';
import type { InternalAnswer } from './internal-answer.ts';

const bodySchema = z.object({ token: z.string().max(16_384) });

/**
 * `POST /api/internal/codex/tokens/verify`: who a remote token speaks for. 200 `{user_id, workspace_id}`; 401
 * `{"error":"invalid_token"}`, one answer for every reason, which only the log tells; 503 when it cannot be said now.
 */
export function verifyTokenAnswer({
  verification,
}: {
  verification: Pick<RemoteTokenVerification, 'verify'>;
}): InternalAnswer {
  return async (input) => {
    const { token } = parseInput(bodySchema, input);
    const outcome = await verification.verify(token);
    if (!outcome.ok) {
      throw new HttpError(401, 'invalid_token', 'the remote token is not valid', { reason: outcome.reason });
    }
    return { user_id: outcome.userId, workspace_id: outcome.workspaceId };
  };
}
