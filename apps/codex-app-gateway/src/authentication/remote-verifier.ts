import { createInternalClient, type InternalAnswer, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';
import { errorCodeOf } from '../error-code.ts';
import { type AuthenticationOutcome, type Authenticator, isCallerId, MAX_BEARER_LENGTH } from './authenticator.ts';

const VERIFY_PATH = '/api/internal/codex/tokens/verify';

const callerId = z.string().refine(isCallerId);
const verifiedSchema = z.object({ workspace_id: callerId, user_id: callerId });

// What undici and the system say of a kept connection that the other side closed while we wrote to it.
const CLOSED_CONNECTION_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Asks agentserver (here: codex-auth) about each bearer, so that this service keeps nothing of tokens and a revoked one
 * is refused at once. 401 is a no; a yes names workspace and user; anything else is no answer at all. See
 * docs/protocol.md.
 * @param timeoutMs - for one verification, a retry included
 */
export function createRemoteVerifier({
  agentserverUrl,
  agentserverSecret,
  timeoutMs,
}: {
  agentserverUrl: string;
  agentserverSecret: string;
  timeoutMs: number;
}): Authenticator {
  const client = createInternalClient({
    baseUrl: agentserverUrl,
    headers: { 'x-internal-secret': agentserverSecret },
    timeoutMs,
  });
  const verify = (token: string, signal: AbortSignal) =>
    client.request({ method: 'POST', path: VERIFY_PATH, body: { token }, signal });
  return {
    async authenticate(token) {
      if (token.length > MAX_BEARER_LENGTH) return { kind: 'unauthorized' };
      const deadline = AbortSignal.timeout(timeoutMs);
      const answer = await verify(token, deadline).catch((error: unknown) => {
        if (!isClosedConnection(error)) throw error;
        return verify(token, deadline);
      });
      return outcomeOf(answer);
    },
    async checkReady() {
      // No remote token has this form, so the answer is a quick no that still passed the other side's whole way.
      outcomeOf(await verify('readiness-probe', AbortSignal.timeout(timeoutMs)));
    },
    close: () => client.close(),
  };
}

function outcomeOf(answer: InternalAnswer): AuthenticationOutcome {
  if (answer.status === 401) return { kind: 'unauthorized' };
  const verified = answer.status === 200 ? verifiedSchema.safeParse(answer.body) : undefined;
  if (!verified?.success) {
    throw new ServiceUnavailableError(`the token verifier answered ${answer.status} with nothing that can be used`);
  }
  const { workspace_id: workspaceId, user_id: userId } = verified.data;
  return { kind: 'authenticated', caller: { workspaceId, userId } };
}

/** Whether asking again is worth it: a verification changes nothing, so asking twice is safe. */
function isClosedConnection(error: unknown): boolean {
  const cause = error instanceof ServiceUnavailableError ? error.cause : undefined;
  return CLOSED_CONNECTION_CODES.has(errorCodeOf(cause) ?? '');
}
