import { HttpError, parseInput } from '@codex-gateways/service';
import { z } from 'zod';
import type { ExecutorCredentials } from './executor-credentials.ts';
import type { InternalAnswer } from './internal-answer.ts';

const accountId = z
  .string()
  .max(256)
  .nullish()
  .transform((value) => value ?? undefined);
/** The longest access token that we issue is far below; the body limit holds in any case. */
const credential = z.string().max(16_384);

const bodySchema = z.discriminatedUnion('scheme', [
  z.object({ scheme: z.literal('bearer'), token: credential, account_id: accountId }),
  z.object({ scheme: z.literal('agent_assertion'), assertion: credential, account_id: accountId }),
]);

/**
 * `POST /internal/codex-auth/validate`: whose credential it is that an executor presented. 200 `{user_id}`; 401
 * `{"error":"invalid_token"}`, one answer for every reason, which only the log tells.
 */
export function validateAnswer({
  credentials,
}: {
  credentials: Pick<ExecutorCredentials, 'validate'>;
}): InternalAnswer {
  return async (input) => {
    const body = parseInput(bodySchema, input);
    const outcome = await credentials.validate(
      body.scheme === 'bearer'
        ? { scheme: 'bearer', token: body.token, accountId: body.account_id }
        : { scheme: 'agent_assertion', assertion: body.assertion, accountId: body.account_id },
    );
    if (!outcome.ok) {
      throw new HttpError(401, 'invalid_token', 'the credential is not valid', { reason: outcome.reason });
    }
    return { user_id: outcome.userId };
  };
}
