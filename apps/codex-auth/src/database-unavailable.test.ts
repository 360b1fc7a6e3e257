import { generateEd25519Key } from '@codex-gateways/crypto';
import { startTestPostgres, useCleanup } from '@codex-gateways/testing';
import { mintAgentAssertion } from '@codex-gateways/tokens';
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
  }, 120_000);

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
