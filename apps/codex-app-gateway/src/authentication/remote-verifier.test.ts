import { ServiceUnavailableError } from '@codex-gateways/service';
import { freePort, useCleanup } from '@codex-gateways/testing';
import { type StandInAnswer, startStandIn } from '../../test/stand-in.ts';
import { createRemoteVerifier } from './remote-verifier.ts';

const YES = { status: 200, body: { user_id: 'user_1', workspace_id: 'ws_1' } };
const SECRET = 'the internal secret';

describe('remote verification of bearers', () => {
  const cleanup = useCleanup();

  async function verifierOf(answer: () => StandInAnswer, timeoutMs = 5000) {
    const agentserver = await startStandIn(answer);
    const verifier = createRemoteVerifier({ agentserverUrl: agentserver.url, agentserverSecret: SECRET, timeoutMs });
    cleanup.after(() => agentserver.close());
    cleanup.after(() => verifier.close());
    return { agentserver, verifier };
  }

  it('asks agentserver with the internal secret, and takes user and workspace from a yes', async () => {
    const { agentserver, verifier } = await verifierOf(() => YES);
    expect(await verifier.authenticate('ast_1_secret')).toEqual({
      kind: 'authenticated',
      caller: { userId: 'user_1', workspaceId: 'ws_1' },
    });
    expect(agentserver.requests).toHaveLength(1);
    expect(agentserver.requests[0]).toMatchObject({
      method: 'POST',
      path: '/api/internal/codex/tokens/verify',
      headers: { 'x-internal-secret': SECRET },
      body: { token: 'ast_1_secret' },
    });
  });

  it('asks anew for each connection, so a revoked token is refused at once', async () => {
    let answer: StandInAnswer = YES;
    const { verifier } = await verifierOf(() => answer);
    expect((await verifier.authenticate('ast_1_secret')).kind).toBe('authenticated');
    answer = { status: 401, body: { error: 'invalid_token' } };
    expect(await verifier.authenticate('ast_1_secret')).toEqual({ kind: 'unauthorized' });
  });

  it.each([
    ['status 500', { status: 500, body: { error: 'internal_error' } }],
    ['status 503', { status: 503, body: {} }],
    ['status 403', { status: 403, body: { error: 'forbidden' } }],
    ['status 302', { status: 302, body: {} }],
    ['status 204', { status: 204 }],
    ['200 without a body', { status: 200 }],
    ['200 with another object', { status: 200, body: { ok: true } }],
    ['200 with a list', { status: 200, body: [YES.body] }],
    ['200 without the user', { status: 200, body: { workspace_id: 'ws_1' } }],
    ['200 with an empty workspace', { status: 200, body: { user_id: 'user_1', workspace_id: '' } }],
    ['200 with a workspace that is no id', { status: 200, body: { user_id: 'u', workspace_id: '../../etc' } }],
    ['200 with text instead of JSON', (_req: unknown, res: { end(text: string): void }) => res.end('<html>')],
    ['an answer without end', (_req: unknown, res: { write(text: string): void }) => void res.write('{"user_id":')],
  ] as [string, StandInAnswer][])('is unavailable, never unauthorized, for %s', async (_what, answer) => {
    const { verifier } = await verifierOf(() => answer, 300);
    await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
  });

  it('is unavailable when agentserver is down', async () => {
    const agentserverUrl = `http://127.0.0.1:${await freePort()}`;
    const verifier = createRemoteVerifier({ agentserverUrl, agentserverSecret: SECRET, timeoutMs: 1000 });
    cleanup.after(() => verifier.close());
    await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
    await expect(verifier.checkReady()).rejects.toThrow(ServiceUnavailableError);
  });

  it('asks once more when a kept connection was closed under it', async () => {
    const answers: StandInAnswer[] = [YES, (req) => req.socket.destroy(), YES];
    const { agentserver, verifier } = await verifierOf(() => answers.shift() ?? YES);
    await verifier.authenticate('ast_1_secret');
    expect((await verifier.authenticate('ast_1_secret')).kind).toBe('authenticated');
    expect(agentserver.requests).toHaveLength(3);
  });

  it('asks no third time', async () => {
    const { agentserver, verifier } = await verifierOf(() => (req) => req.socket.destroy());
    await expect(verifier.authenticate('ast_1_secret')).rejects.toThrow(ServiceUnavailableError);
    expect(agentserver.requests).toHaveLength(2);
  });

  it('does not bother agentserver with a text longer than any token', async () => {
    const { agentserver, verifier } = await verifierOf(() => YES);
    expect(await verifier.authenticate('a'.repeat(1025))).toEqual({ kind: 'unauthorized' });
    expect(agentserver.requests).toHaveLength(0);
  });

  it('is ready when agentserver answers, whatever it thinks of the token', async () => {
    const { verifier } = await verifierOf(() => ({ status: 401, body: { error: 'invalid_token' } }));
    await expect(verifier.checkReady()).resolves.toBeUndefined();
  });
});
