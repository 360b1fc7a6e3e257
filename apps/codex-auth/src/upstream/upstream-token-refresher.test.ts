import { INTERNAL_SECRET } from '../../test/use-auth-service.ts';
import { useReplica } from '../../test/use-replica.ts';
import { oidcEntry, type UpstreamEntry, useUpstreams } from '../../test/use-upstreams.ts';
import type { WebSession } from '../../test/web-session.ts';

let upstreams: readonly UpstreamEntry[] = [];
const world = useUpstreams(['corp', 'other'], (issuerOf) => {
  upstreams = [oidcEntry('corp', issuerOf('corp'))];
  return upstreams;
});
const settings = (more: Record<string, string> = {}) => ({
  ...{ CODEX_AUTH_UPSTREAMS: JSON.stringify(upstreams), UPSTREAM_SECRET: 'secret of the client' },
  ...more,
});
const replica = useReplica(world.auth, () => settings());
/** Beside a provider that says nothing it does not wait for long. */
const impatient = useReplica(world.auth, () => settings({ CODEX_AUTH_UPSTREAM_TIMEOUT: '200ms' }));
let count = 0;

interface TokenAnswer {
  readonly status: number;
  readonly body: { access_token?: string; token_type?: string; expires_at?: string | null; error?: string };
}

async function signedIn(): Promise<{ web: WebSession; userId: string }> {
  const sub = `user-${++count}`;
  world.provider().person = { sub, email: `${sub}@example.com`, email_verified: true };
  const { web } = await world.signIn();
  return { web, userId: (await world.me(web))?.id ?? '' };
}

async function ask(userId: string, { url = world.auth.url, secret = INTERNAL_SECRET, provider = 'corp' } = {}) {
  const answer = await fetch(`${url}/internal/codex-auth/upstream-token`, {
    method: 'POST',
    headers: { 'x-internal-secret': secret, 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: userId, provider }),
  });
  return { status: answer.status, body: await answer.json() } as TokenAnswer;
}

const refreshes = () => world.provider().grants('refresh_token');

describe('the tokens of an identity provider, for services', () => {
  afterEach(() => world.auth.clock.run());

  it('are given with their expiry while they are good, without asking the provider', async () => {
    const { userId } = await signedIn();
    const { status, body } = await ask(userId);
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^access-/),
      token_type: 'Bearer',
      expires_at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(refreshes()).toHaveLength(0);
  });

  it('are given to nobody without the secret, and not for other users, providers or nonsense', async () => {
    const { userId } = await signedIn();
    expect((await ask(userId, { secret: 'another secret of sixteen' })).status).toBe(401);
    expect(await ask('user_of_nobody')).toMatchObject({ status: 404, body: { error: 'not_found' } });
    expect((await ask(userId, { provider: 'other' })).status).toBe(404);
    expect((await ask(userId, { provider: '__proto__' })).status).toBe(404);
    expect((await ask('with space')).status).toBe(400);
    expect((await ask('x'.repeat(9000))).status).toBe(413);
  });

  it('are refreshed once when twenty ask two replicas at once', async () => {
    const { userId } = await signedIn();
    const before = await ask(userId);
    world.auth.clock.advance(3600);
    const urls = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? world.auth.url : replica.url));
    const answers = await Promise.all(urls.map((url) => ask(userId, { url })));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const tokens = new Set(answers.map(({ body }) => body.access_token));
    expect(tokens.size).toBe(1);
    expect(tokens).not.toContain(before.body.access_token);
    expect(refreshes()).toHaveLength(1);
    expect(refreshes()[0]?.get('refresh_token')).toMatch(/^refresh-/);
  });

  it('keep the refresh token when none comes back, and take the new one when one does', async () => {
    const { userId } = await signedIn();
    world.provider().lies = { token: { refresh_token: undefined } };
    world.auth.clock.advance(3600);
    await ask(userId);
    world.provider().lies = {};
    world.auth.clock.advance(3600);
    await ask(userId);
    world.auth.clock.advance(3600);
    await ask(userId);
    const [first, second, third] = refreshes().map((form) => form.get('refresh_token'));
    expect(second).toBe(first);
    expect(third).not.toBe(second);
  });

  it('are forgotten when the provider has ended the sign-in', async () => {
    const { web, userId } = await signedIn();
    world.provider().lies = {
      answer: (request, response) => {
        if (request.url !== '/token') return false;
        response.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_grant"}');
        return true;
      },
    };
    world.auth.clock.advance(3600);
    expect((await ask(userId)).status).toBe(404);
    const asked = refreshes().length;
    expect((await ask(userId)).status).toBe(404);
    expect(refreshes()).toHaveLength(asked);
    const { rows } = await world.db.query('select 1 from codex_auth.upstream_tokens where user_id = $1', [userId]);
    expect(rows).toEqual([]);
    expect(await world.me(web)).toBeDefined();
  });

  it.each<[string, (response: import('node:http').ServerResponse) => void, { readonly url: string }]>([
    ['is down', (response) => response.destroy(), world.auth],
    ['says later', (response) => response.writeHead(503).end(), world.auth],
    ['says nothing', () => undefined, impatient],
    ['does not know this server', (response) => response.writeHead(401).end('{"error":"invalid_client"}'), world.auth],
  ])('are kept when the provider %s: 503, and good again afterwards', async (_, fail, { url }) => {
    const { userId } = await signedIn();
    world.auth.clock.stop();
    world.provider().lies = {
      answer: (request, response) => {
        if (request.url !== '/token') return false;
        fail(response);
        return true;
      },
    };
    world.auth.clock.advance(3570);
    expect((await ask(userId, { url })).status).toBe(200); // half a minute is left
    world.auth.clock.advance(60);
    expect(await ask(userId, { url })).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    world.provider().lies = {};
    expect((await ask(userId)).status).toBe(200);
  });

  it('come from another session of the user when the newest needs a provider that is down', async () => {
    world.provider().accessTokenSeconds = 86_400;
    const { userId } = await signedIn();
    const long = (await ask(userId)).body.access_token;
    world.provider().accessTokenSeconds = 3600;
    await world.signIn();
    expect((await ask(userId)).body.access_token).not.toBe(long);
    world.provider().lies = {
      answer: (request, response) => request.url === '/token' && Boolean(response.writeHead(503).end()),
    };
    world.auth.clock.advance(3700);
    expect(await ask(userId)).toMatchObject({ status: 200, body: { access_token: long } });
  });

  it('are not replaced by those of somebody else', async () => {
    const { userId } = await signedIn();
    const other = await signedIn();
    const { rows } = await world.db.query<{ id: string }>(
      'update codex_auth.upstream_tokens set tokens_sealed = (select tokens_sealed from codex_auth.upstream_tokens where user_id = $2) where user_id = $1 returning id',
      [userId, other.userId],
    );
    expect(rows).toHaveLength(1);
    expect((await ask(userId)).status).toBe(500);
    expect((await ask(other.userId)).status).toBe(200);
  });

  it('go with the session and with the user', async () => {
    const { web, userId } = await signedIn();
    await world.signIn(web, '/login/upstream/corp?prompt=login');
    const { rows } = await world.db.query('select 1 from codex_auth.upstream_tokens where user_id = $1', [userId]);
    expect(rows).toHaveLength(1);
    await world.db.query('update codex_auth.users set disabled_at = now() where id = $1', [userId]);
    expect((await ask(userId)).status).toBe(404);
    await world.db.query('update codex_auth.users set disabled_at = null where id = $1', [userId]);
    world.auth.clock.advance(8 * 86_400);
    expect((await ask(userId)).status).toBe(404);
  });

  it('are in the database under a seal', async () => {
    const { userId } = await signedIn();
    const { body } = await ask(userId);
    const { rows } = await world.db.query<{ tokens_sealed: Buffer }>(
      'select tokens_sealed from codex_auth.upstream_tokens where user_id = $1',
      [userId],
    );
    expect(rows[0]?.tokens_sealed.toString('latin1')).not.toContain(body.access_token);
    expect(rows[0]?.tokens_sealed.toString('latin1')).not.toContain('refresh-');
  });
});
