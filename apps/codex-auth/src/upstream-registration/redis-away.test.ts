import { createLogger } from '@codex-gateways/service';
import { describeWith } from '@codex-gateways/testing';
import { metadataOf, useLyingUpstream } from '../../test/lying-upstream.ts';
import { type RedisServer, startRedis } from '../../test/redis-server.ts';
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
