import { createPool } from '@codex-gateways/database';
import { useTestDatabase, waitFor } from '@codex-gateways/testing';
import { authEnvironment, PATIENCE, useAuthService } from '../test/use-auth-service.ts';
import { readConfig } from './config.ts';
import { createAuthService } from './service.ts';

describe('codex-auth as a service', () => {
  const auth = useAuthService();

  it('is healthy and ready once it has started', async () => {
    expect((await fetch(`${auth.url}/healthz`)).status).toBe(200);
    const isReady = async () => (await fetch(`${auth.url}/readyz`)).status === 200;
    await waitFor(isReady, {
      timeoutMs: 60_000,
      describe: 'the database to answer in the time that readiness gives it',
    });
  });

  it('answers 401 in the form of the API to a caller without a credential', async () => {
    const credentials: Record<string, string>[] = [
      {},
      { cookie: `codex_session=${'a'.repeat(43)}` },
      { authorization: 'Bearer x.y.z' },
    ];
    for (const headers of credentials) {
      const answer = await fetch(`${auth.url}/api/me`, { headers });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: { code: 'unauthorized' } });
    }
  });
});

describe('replicas of codex-auth', () => {
  const database = useTestDatabase();

  it('end up with one user, one workspace and one active key when eight start at once on an empty database', async () => {
    const env = await authEnvironment(database.url, { CODEX_AUTH_PORT: '0' });
    const replicas = Array.from({ length: 8 }, () => createAuthService(readConfig(env)));
    await Promise.all(replicas.map((replica) => replica.start()));
    const keySets = await Promise.all(
      replicas.map(async (replica) => (await fetch(`${replica.url}/.well-known/jwks.json`)).text()),
    );
    await Promise.all(replicas.map((replica) => replica.close()));
    expect(new Set(keySets).size).toBe(1);
    const pool = createPool({ databaseUrl: database.url, applicationName: 'test', ...PATIENCE });
    const rows = await pool.query(
      `select (select count(*)::int from codex_auth.users) as users,
              (select count(*)::int from codex_auth.workspace_members where role = 'owner') as owners,
              (select count(*)::int from codex_auth.codex_jwks_keys) as keys`,
    );
    await pool.end();
    expect(rows.rows[0]).toEqual({ users: 1, owners: 1, keys: 1 });
  });
});
