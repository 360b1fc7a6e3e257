import {
  type CallObserver,
  createInternalClient,
  type OwnSecret,
  ServiceUnavailableError,
} from '@codex-gateways/service';
import { z } from 'zod';
import { type Caller, isCallerId } from './authenticator.ts';

const VALIDATE_PATH = '/internal/codex-auth/validate';
/** As many characters as codex-auth reads. */
const MAX_LENGTH = 16_384;
// Of remote tokens none has it.
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

const validatedSchema = z.object({ user_id: z.string().refine(isCallerId) });

/** Asks codex-auth about access tokens of OAuth, which name a user and no workspace. */
export interface AccessTokenVerifier {
  /**
   * Whether it is valid and was granted for this at all, in whatever workspace.
   * @throws {ServiceUnavailableError} when there is no answer
   */
  isLive(token: string): Promise<boolean>;
  /**
   * @param workspaceId - that the token is to be used for
   * @returns undefined when it is not valid, was not granted for this (RFC 6749 §3.3), or its user is no member of the workspace; which of
   * these is not told
   * @throws {ServiceUnavailableError} when there is no answer
   */
  verify(token: string, workspaceId: string): Promise<Caller | undefined>;
  close(): Promise<void>;
}

/** Whether a bearer has the form of an access token rather than that of a remote token. */
export function isAccessToken(bearer: string): boolean {
  return bearer.length <= MAX_LENGTH && JWT.test(bearer);
}

/** By the internal call that is there for executors: a client that may attach them for its user may have them used. */
export function createAccessTokenVerifier({
  agentserverUrl: baseUrl,
  agentserverSecret,
  timeoutMs,
  ownSecret,
  observer,
}: {
  agentserverUrl: string;
  agentserverSecret: string;
  timeoutMs: number;
  ownSecret: OwnSecret;
  observer?: CallObserver;
}): AccessTokenVerifier {
  const headers = { 'x-internal-secret': agentserverSecret };
  const client = createInternalClient({ baseUrl, headers, timeoutMs, peer: 'codex-auth', observer });
  const userOf = async (token: string, workspaceId?: string): Promise<string | undefined> => {
    const body = { scheme: 'bearer', token, ...(workspaceId === undefined ? {} : { account_id: workspaceId }) };
    const answer = await client.request({ method: 'POST', path: VALIDATE_PATH, body });
    if (answer.status === 401) {
      ownSecret.unauthorized(answer.body);
      return undefined;
    }
    if (answer.status === 200) ownSecret.taken();
    const validated = answer.status === 200 ? validatedSchema.safeParse(answer.body) : undefined;
    if (validated?.success) return validated.data.user_id;
    throw new ServiceUnavailableError(`the token validator answered ${answer.status} with nothing that can be used`);
  };
  return {
    isLive: async (token) => (await userOf(token)) !== undefined,
    async verify(token, workspaceId) {
      const userId = await userOf(token, workspaceId);
      return userId === undefined ? undefined : { workspaceId, userId };
    },
    close: () => client.close(),
  };
}
