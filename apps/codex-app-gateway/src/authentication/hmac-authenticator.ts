import { verifyWorkspaceToken } from '@codex-gateways/tokens';
import { type Authenticator, isCallerId, MAX_BEARER_LENGTH } from './authenticator.ts';

/**
 * Break-glass and local tests: bearers `<workspace_id>.<thread_id>.<hex HMAC-SHA256>` that need no other service to
 * verify. They name no user, never expire and cannot be revoked singly.
 * @param secret - not empty
 * @throws {TypeError} for an empty secret, with which anybody could make tokens
 */
export function createHmacAuthenticator(secret: string): Authenticator {
  if (secret === '') throw new TypeError('the HMAC secret for inbound bearers must not be empty');
  return {
    async authenticate(token) {
      if (token.length > MAX_BEARER_LENGTH) return { kind: 'unauthorized' };
      const caller = verifyWorkspaceToken(token, secret);
      if (!caller || !isCallerId(caller.workspaceId)) return { kind: 'unauthorized' };
      return { kind: 'authenticated', caller };
    },
    checkReady: async () => undefined,
    close: async () => undefined,
  };
}
