import { createLogger } from '@codex-gateways/service';
import { describeWith, freePort, waitFor } from '@codex-gateways/testing';
import { metadataOf, registersClients, useLyingUpstream } from '../../test/lying-upstream.ts';
import { hashesIn, type RedisServer, startRedis } from '../../test/redis-server.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { WebSession } from '../../test/web-session.ts';

const PASSWORD = 'hunter2-of-redis';

describeWith('redis-server')('while the Redis that keeps registrations is away', () => {
  const upstream = useLyingUpstream();
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
  let redis: RedisServer;
  const auth = useAuthService(
    async () => {
      redis = await startRedis({ config: [`requirepass ${PASSWORD}`] });
      const entry = { name: 'corp', type: 'oidc', issuer: upstream().issuer, allow_anyone: true };
      return {
        CODEX_AUTH_UPSTREAMS: JSON.stringify([entry]),
        CODEX_AUTH_DCR_STORE: 'redis',
        CODEX_AUTH_REDIS_URL: redis.url,
        CODEX_AUTH_REDIS_PASSWORD: PASSWORD,
      };
    },
    { log },
  );
  afterAll(() => redis?.close());

  it('people are asked to try again, no registration is made, and passwords still work', async () => {
    upstream().on('GET /.well-known/openid-configuration', () => metadataOf(upstream()));
    await redis.close();
    lines.length = 0;
    const answer = await new WebSession(auth.url).get('/login/upstream/corp');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect((await answer.text()) + JSON.stringify(lines)).not.toContain('hunter2');
    expect(upstream().requests).toEqual([]);
    await new WebSession(auth.url).signIn();
  });
});

describeWith('redis-server')('a Redis that is there later than codex-auth', () => {
  const upstream = useLyingUpstream();
  const lines: string[] = [];
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => lines.push(line) });
  let port: number;
  let redis: RedisServer | undefined;
  const auth = useAuthService(
    async () => {
      port = await freePort();
      const entry = { name: 'corp', type: 'oidc', issuer: upstream().issuer, allow_anyone: true };
      return {
        CODEX_AUTH_UPSTREAMS: JSON.stringify([entry]),
        CODEX_AUTH_DCR_STORE: 'redis',
        CODEX_AUTH_REDIS_URL: `redis://127.0.0.1:${port}`,
        CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '100000',
      };
    },
    { log },
  );
  afterAll(() => redis?.close());

  it('is used from then on, and until then everything else works', async () => {
    registersClients(upstream());
    const visit = () => new WebSession(auth.url).get('/login/upstream/corp');
    const isReady = async () => (await fetch(`${auth.url}/readyz`)).status === 200;
    await waitFor(isReady, { timeoutMs: 60_000, describe: 'codex-auth to be ready without Redis' });
    expect((await visit()).status).toBe(503);
    await new WebSession(auth.url).signIn();
    expect(lines.filter((line) => line.includes('out of reach'))).toHaveLength(1);
    redis = await startRedis({ port });
    await waitFor(async () => (await visit()).status === 303, {
      timeoutMs: 60_000,
      describe: 'the way to the upstream',
    });
    expect(Object.keys(await hashesIn(redis.url))).toHaveLength(1);
    await waitFor(() => lines.some((line) => line.includes('are in reach')), {
      timeoutMs: 60_000,
      describe: 'what a former master key sealed to be looked for',
    });
  });
});
