import { mintWorkspaceToken } from '@codex-gateways/tokens';
import { createHmacAuthenticator } from './hmac-authenticator.ts';

describe('HMAC authentication (break-glass)', () => {
  const secret = 'a secret of the tests';
  const authenticator = createHmacAuthenticator(secret);

  it('refuses to be made with an empty secret', () => {
    expect(() => createHmacAuthenticator('')).toThrow('must not be empty');
  });

  it('accepts the fixed vector: hex HMAC-SHA256 over workspace, NUL, thread', async () => {
    // printf 'ws_1\0thread_1' | openssl dgst -sha256 -hmac 'a secret of the tests'
    const token = 'ws_1.thread_1.69f194d7e50ef5f6e551ddca1eb5a5af1b87a92f2a7359230ebc0b064d1df28a';
    expect(mintWorkspaceToken({ workspaceId: 'ws_1', threadId: 'thread_1' }, secret)).toBe(token);
    expect(await authenticator.authenticate(token)).toEqual({
      kind: 'authenticated',
      caller: { workspaceId: 'ws_1' },
    });
  });

  it.each([
    ['another secret', mintWorkspaceToken({ workspaceId: 'ws_1', threadId: 't' }, 'another')],
    ['two parts', 'ws_1.thread_1'],
    ['four parts', `${mintWorkspaceToken({ workspaceId: 'ws_1', threadId: 't' }, secret)}.x`],
    ['an empty workspace', `.t.${'0'.repeat(64)}`],
    ['nothing', ''],
    ['a signature in upper case', mintWorkspaceToken({ workspaceId: 'ws_1', threadId: 't' }, secret).toUpperCase()],
    [
      'a workspace id that leaves its folder',
      mintWorkspaceToken({ workspaceId: '/etc/passwd', threadId: 't' }, secret),
    ],
    ['more text than any token has', mintWorkspaceToken({ workspaceId: 'w', threadId: 't'.repeat(2000) }, secret)],
  ])('refuses a token with %s', async (_what, token) => {
    expect(await authenticator.authenticate(token)).toEqual({ kind: 'unauthorized' });
  });

  it('is always ready, since it asks nobody', async () => {
    await expect(authenticator.checkReady()).resolves.toBeUndefined();
  });
});
