import { generateEd25519Key } from '@codex-gateways/crypto';
import { DatabaseProxy, startTestPostgres, useCleanup } from '@codex-gateways/testing';
import { mintAgentAssertion } from '@codex-gateways/tokens';
import { OAuthClient } from '../test/oauth-client.ts';
import { authEnvironment, INTERNAL_SECRET } from '../test/use-auth-service.ts';
import { readConfig } from './config.ts';
import { type AuthService, createAuthService } from './service.ts';

describe('while the database is away', () => {
  const cleanup = useCleanup();
  let service: AuthService;

  beforeAll(async () => {
    const postgres = await startTestPostgres();
    cleanup.after(() => postgres.stop());
    const { url } = await postgres.createDatabase();
    service = createAuthService(readConfig(await authEnvironment(url)));
    await service.start();
    cleanup.after(() => service.close());
    await postgres.stop();
  });

  const timestamp = '2026-11-22T00:00:00Z';
  const assertion = mintAgentAssertion(
    { agentRuntimeId: 'exe_1', taskId: 'task_1', timestamp },
    generateEd25519Key().privatePkcs8,
  );

  it.each([
    ['/internal/codex-auth/validate', { scheme: 'agent_assertion', assertion }, '{"error":"temporarily_unavailable"}'],
    [
      '/api/internal/codex/tokens/verify',
      { token: `ast_${'0'.repeat(24)}_${'x'.repeat(43)}` },
      '{"error":"temporarily_unavailable"}',
    ],
    ['/v1/agent/exe_1/task/register', { timestamp, signature: 'x' }, '"code":"temporarily_unavailable"'],
  ])('%s says 503, and not that the credential is bad', async (path, body, text) => {
    const answer = await fetch(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-internal-secret': INTERNAL_SECRET },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain(text);
    expect(answer.headers.get('retry-after')).toBe('2');
  });
});

describe('while the database says nothing', () => {
  const cleanup = useCleanup();
  let proxy: DatabaseProxy;
  let service: AuthService;

  beforeAll(async () => {
    const postgres = await startTestPostgres();
    cleanup.after(() => postgres.stop());
    const { url } = await postgres.createDatabase();
    proxy = new DatabaseProxy(url);
    await proxy.start();
    cleanup.after(() => proxy.stop());
    // Long enough for what the database does answer, on a busy machine too.
    const silence = { CODEX_AUTH_DATABASE_TIMEOUT: '5s' };
    service = createAuthService(readConfig(await authEnvironment(proxy.url, silence)));
    await service.start();
    cleanup.after(() => service.close());
  });

  it('answers 503 in time, also over a connection that was there before', async () => {
    const { access_token: token } = await new OAuthClient(() => service.url).tokens();
    const ask = (path: string, headers: Record<string, string>, body?: string) =>
      fetch(service.url + path, {
        ...{ method: body === undefined ? 'GET' : 'POST', signal: AbortSignal.timeout(100_000) },
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body }),
      });
    const bearer = { authorization: `Bearer ${token}` };
    expect((await ask('/api/me', bearer)).status).toBe(200);
    proxy.goSilent();
    const answers = await Promise.all([
      ask('/api/me', bearer),
      ask(
        '/internal/codex-auth/validate',
        { 'x-internal-secret': INTERNAL_SECRET },
        JSON.stringify({ scheme: 'bearer', token }),
      ),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
  });
});
