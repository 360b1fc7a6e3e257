import { createHmac } from 'node:crypto';
import { constantTimeEqual } from '@codex-gateways/crypto';

/**
 * Mints the break-glass bearer of the app-gateway:
 * `<workspace_id>.<thread_id>.<hex HMAC-SHA256 over "<workspace_id>\0<thread_id>">`.
 * @throws {TypeError} for an empty secret, or an id that is empty or contains a dot or NUL (it could not be read back)
 */
export function mintWorkspaceToken(
  { workspaceId, threadId }: { workspaceId: string; threadId: string },
  secret: string,
): string {
  for (const id of [workspaceId, threadId]) {
    if (id === '' || /[.\0]/.test(id))
      throw new TypeError('an id in a workspace token is not empty and has no dot or NUL');
  }
  return `${workspaceId}.${threadId}.${signature(workspaceId, threadId, secret)}`;
}

/**
 * Verifies a break-glass bearer: exactly three dot-separated parts, compared in constant time. The thread id only
 * takes part in the signature; it is discarded afterwards.
 */
export function verifyWorkspaceToken(token: string, secret: string): { readonly workspaceId: string } | undefined {
  const parts = token.split('.');
  const [workspaceId, threadId, presented] = parts;
  if (parts.length !== 3 || !workspaceId || !threadId || !presented) return undefined;
  return constantTimeEqual(presented, signature(workspaceId, threadId, secret)) ? { workspaceId } : undefined;
}

function signature(workspaceId: string, threadId: string, secret: string): string {
  if (secret === '') throw new TypeError('an HMAC secret must not be empty');
  return createHmac('sha256', secret).update(`${workspaceId}\0${threadId}`).digest('hex');
}
