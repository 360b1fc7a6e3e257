import type { IncomingMessage, ServerResponse } from 'node:http';
import { useReplica } from '../../test/use-replica.ts';
import { oidcEntry, type UpstreamEntry, useUpstreams } from '../../test/use-upstreams.ts';

let upstreams: readonly UpstreamEntry[] = [];
const world = useUpstreams(['corp'], (issuerOf) => {
  upstreams = [oidcEntry('corp', issuerOf('corp'))];
  return upstreams;
});
/** Another replica, which waits for no provider for long. */
const impatient = useReplica(world.auth, () => ({
  ...{ CODEX_AUTH_UPSTREAMS: JSON.stringify(upstreams), UPSTREAM_SECRET: 'secret of the client' },
  CODEX_AUTH_UPSTREAM_TIMEOUT: '200ms',
}));

describe('the way back from an identity provider', () => {
  it('can be gone once: a state that is replayed does nothing', async () => {
    const web = world.newBrowser();
    const back = await world.beThere(web);
    const first = await web.get(back.href);
    const replay = await web.get(back.href);
    expect([first.status, replay.status]).toEqual([303, 400]);
    expect(world.provider().grants('authorization_code')).toHaveLength(1);
  });

  it('can be gone once, however many come at once', async () => {
    const web = world.newBrowser();
    const back = await world.beThere(web);
    const answers = await Promise.all(Array.from({ length: 8 }, () => web.get(back.href)));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array(7).fill(400)]);
  });

  it('is of one browser: an attacker cannot sign a victim in as the attacker (login CSRF)', async () => {
    const attacker = world.newBrowser();
    const back = await world.beThere(attacker);
    for (const victim of [world.newBrowser(), (await world.signIn()).web]) {
      const before = victim.cookies.get('codex_session');
      const answer = await victim.get(back.href);
      expect(answer.status).toBe(400);
      expect(victim.cookies.get('codex_session')).toBe(before);
    }
    // Nor does it take the way away from the browser that has it.
    expect((await attacker.get(back.href)).status).toBe(303);
  });

  it('takes no code that another sign-in got (code injection): its verifier is another', async () => {
    const [left, right] = [world.newBrowser(), world.newBrowser()];
    const stolen = await world.beThere(left);
    const own = await world.beThere(right);
    own.searchParams.set('code', stolen.searchParams.get('code') ?? '');
    // What a provider does with a verifier that does not fit; the nonce would not either.
    world.provider().lies = {
      answer: (request, response) => {
        if (request.url !== '/token') return false;
        response.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_grant"}');
        return true;
      },
    };
    const answer = await right.get(own.href);
    expect([answer.status, right.cookies.has('codex_session')]).toEqual([400, false]);
    world.provider().lies = {};
    const other = world.newBrowser();
    const injected = await world.beThere(other);
    injected.searchParams.set('code', stolen.searchParams.get('code') ?? '');
    const byNonce = await other.get(injected.href);
    expect([byNonce.status, other.cookies.has('codex_session')]).toEqual([502, false]);
    const verifiers = world
      .provider()
      .grants('authorization_code')
      .map((form) => form.get('code_verifier'));
    expect(new Set(verifiers).size).toBe(2);
  });

  it('ends after ten minutes', async () => {
    const web = world.newBrowser();
    const back = await world.beThere(web);
    world.auth.clock.advance(601);
    expect((await web.get(back.href)).status).toBe(400);
  });

  it('leads to paths of ours alone (open redirect)', async () => {
    for (const returnTo of ['https://evil.example/', '//evil.example', '/\\evil.example', '/.//evil.example', 'x:y']) {
      const start = `/login/upstream/corp?${new URLSearchParams({ return_to: returnTo })}`;
      const { answer } = await world.signIn(undefined, start);
      expect(answer.headers.get('location')).toBe('/');
    }
    const { answer } = await world.signIn(undefined, '/login/upstream/corp?return_to=/codex/device%3Fuser_code=A');
    expect(answer.headers.get('location')).toBe('/codex/device?user_code=A');
  });

  it('says that the provider declined, and nothing that a link puts into its mouth (XSS)', async () => {
    const web = world.newBrowser();
    const back = await world.beThere(web);
    back.searchParams.delete('code');
    back.searchParams.set('error', 'access_denied');
    back.searchParams.set('error_description', '<script>alert(1)</script>Call +1 555');
    const answer = await web.get(back.href);
    const text = await answer.text();
    expect(answer.status).toBe(403);
    expect(text).toContain('The corp did not sign you in (access_denied).');
    expect(text).not.toMatch(/alert\(|555/);
    const other = await world.beThere(web);
    other.searchParams.set('error', '<img src=x>');
    expect(await (await web.get(other.href)).text()).not.toContain('img');
  });

  it.each<[string, (url: URL) => void, number]>([
    ['no state', (url) => url.searchParams.delete('state'), 400],
    ['an empty state', (url) => url.searchParams.set('state', ''), 400],
    ['two states', (url) => url.searchParams.append('state', 'x'), 400],
    ['two codes', (url) => url.searchParams.append('code', 'x'), 400],
    ['no code', (url) => url.searchParams.delete('code'), 400],
    ['a huge code', (url) => url.searchParams.set('code', 'x'.repeat(5000)), 400],
    ['a code with a NUL', (url) => url.searchParams.set('code', 'a\0b'), 400],
    ['a state with a NUL', (url) => url.searchParams.set('state', '\0'), 400],
    ['two issuers', (url) => url.searchParams.append('iss', 'x'), 400],
    ['a huge error', (url) => url.searchParams.set('error', 'x'.repeat(5000)), 400],
    ['everything far too long', (url) => url.searchParams.set('state', 'x'.repeat(60_000)), 431],
  ])("with %s is refused for the caller's fault", async (_, spoil, status) => {
    const web = world.newBrowser();
    const back = await world.beThere(web);
    spoil(back);
    const answer = await web.get(back.href);
    expect([answer.status, web.cookies.has('codex_session')]).toEqual([status, false]);
  });

  it('keeps nothing that an answer could be redeemed with', async () => {
    const web = world.newBrowser();
    const url = await world.setOut(web);
    const cookie = web.cookies.get('codex_upstream') ?? '';
    const { rows } = await world.db.query('select to_json(a)::text as row from codex_auth.upstream_authorizations a');
    for (const { row } of rows as { row: string }[]) {
      for (const secret of [cookie, url.searchParams.get('state') ?? '', url.searchParams.get('nonce') ?? '']) {
        expect(row).not.toContain(secret);
      }
    }
    expect(rows.length).toBeGreaterThan(0);
  });
});

describe('an identity provider in trouble', () => {
  const failing = (path: string, fail: (response: ServerResponse) => void) => ({
    answer: (request: IncomingMessage, response: ServerResponse) => {
      if (!request.url?.startsWith(path)) return false;
      fail(response);
      return true;
    },
  });

  it.each<[string, string, (response: ServerResponse) => void, number]>([
    ['that is down', '/token', (response) => response.destroy(), 503],
    ['that answers 500', '/token', (response) => response.writeHead(500).end(), 503],
    ['that says too many requests', '/token', (response) => response.writeHead(429).end(), 503],
    ['that says too much', '/token', (response) => response.end(`{"access_token":"${'x'.repeat(600_000)}"}`), 503],
    ['that redirects', '/token', (response) => response.writeHead(307, { Location: '/elsewhere' }).end(), 502],
    ['that answers no JSON', '/token', (response) => response.end('<html>'), 502],
    [
      'that does not know this server',
      '/token',
      (response) => response.writeHead(401, { 'Content-Type': 'application/json' }).end('{"error":"invalid_client"}'),
      502,
    ],
    ['without keys', '/jwks', (response) => response.writeHead(500).end(), 503],
  ])('%s (%s) is told from a refusal, on a page', async (_, path, fail, status) => {
    world.auth.clock.advance(3601);
    world.provider().lies = failing(path, fail);
    const { web, answer, text } = await world.signIn();
    expect(answer.status).toBe(status);
    expect(text).toMatch(/role="alert">The corp/);
    expect(text).not.toMatch(/code-\d|secret of the client/);
    expect(web.cookies.has('codex_session')).toBe(false);
    expect(world.provider().requests.some(({ path: asked }) => asked === '/elsewhere')).toBe(false);
  });

  it('that says nothing is given up, on a page', async () => {
    world.provider().lies = failing('/token', () => undefined);
    const web = world.newBrowser();
    const { pathname, search } = await world.beThere(web);
    const answer = await web.get(impatient.url + pathname + search);
    expect([answer.status, web.cookies.has('codex_session')]).toEqual([503, false]);
    expect(await answer.text()).toMatch(/role="alert">The corp does not answer/);
  });

  it('is said to be away at the beginning of the way, and is found again when it is back', async () => {
    world.auth.clock.advance(3601);
    world.provider().lies = failing('/.well-known', (response) => response.writeHead(503).end());
    const answer = await world.newBrowser().get('/login/upstream/corp');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.text()).toContain('The corp does not answer');
    world.provider().lies = {};
    expect((await world.signIn()).answer.status).toBe(303);
  });

  it('that nobody configured is not there', async () => {
    expect((await world.newBrowser().get('/login/upstream/nobody')).status).toBe(404);
    expect((await world.newBrowser().get('/login/upstream/__proto__')).status).toBe(404);
  });
});
