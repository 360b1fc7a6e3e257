import { OAuthClient } from '../../test/oauth-client.ts';
import { createUser } from '../../test/second-user.ts';
import { oidcEntry, useUpstreams } from '../../test/use-upstreams.ts';
import { formOf } from '../../test/web-session.ts';

const world = useUpstreams(['corp'], (issuerOf) => [
  oidcEntry('corp', issuerOf('corp'), { allowed_groups: ['platform'] }),
]);
const client = new OAuthClient(() => world.auth.url);

function comes(person: Record<string, unknown>): void {
  world.provider().person = { email_verified: true, ...person };
}

describe('signing in with an identity provider', () => {
  it('makes a user with a workspace the first time, and finds the same user afterwards', async () => {
    comes({ sub: 'first', email: 'First@Example.com', name: 'First Person' });
    const { web } = await world.signIn();
    const me = await world.me(web);
    expect(me?.email).toBe('First@Example.com');
    expect(await (await web.get('/api/workspaces')).json()).toEqual([
      { id: expect.stringMatching(/^ws_/), name: 'Personal', role: 'owner' },
    ]);
    comes({ sub: 'first', email: 'renamed@example.com' });
    const again = await world.signIn();
    expect(await world.me(again.web)).toEqual(me);
    const { rows } = await world.db.query(
      'select u.display_name, u.role, i.email from codex_auth.users u join codex_auth.upstream_identities i on i.user_id = u.id',
    );
    expect(rows).toEqual([{ display_name: 'First Person', role: 'member', email: 'renamed@example.com' }]);
    expect(await world.auditOf('user.created')).toEqual([{ provider: 'corp', subject: 'first', role: 'member' }]);
  });

  it('makes one user of ten first sign-ins at once', async () => {
    comes({ sub: 'many', email: 'many@example.com' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.signIn()));
    expect(answers.map(({ answer }) => answer.status)).toEqual(Array(10).fill(303));
    const ids = await Promise.all(answers.map(async ({ web }) => (await world.me(web))?.id));
    expect(new Set(ids).size).toBe(1);
  });

  it('goes on to the client that asked for it', async () => {
    comes({ sub: 'client', email: 'client@example.com' });
    const web = world.newBrowser();
    const login = await web.get(client.authorizePath());
    const page = await web.get(login.headers.get('location') ?? '');
    const [, href = ''] = /href="(\/login\/upstream\/corp[^"]*)">Sign in with The corp</.exec(await page.text()) ?? [];
    const { answer } = await world.signIn(web, href.replaceAll('&amp;', '&'));
    const next = await web.get(answer.headers.get('location') ?? '');
    expect(next.headers.get('location')).toMatch(/^http:\/\/localhost:1455\/auth\/callback\?code=/);
  });

  it('gives a session under a fresh id, in place of the one that the browser had', async () => {
    comes({ sub: 'fresh', email: 'fresh@example.com' });
    const { web } = await world.signIn();
    const before = web.cookies.get('codex_session') ?? '';
    await world.signIn(web, '/login/upstream/corp?prompt=login');
    expect(web.cookies.get('codex_session')).not.toBe(before);
    const old = world.newBrowser();
    old.cookies.set('codex_session', before);
    expect(await world.me(old)).toBeUndefined();
    const planted = world.newBrowser();
    planted.cookies.set('codex_session', 'a'.repeat(43));
    await world.signIn(planted);
    expect(planted.cookies.get('codex_session')).not.toBe('a'.repeat(43));
  });

  it('asks nobody who is signed in already, unless it is to be proved again', async () => {
    comes({ sub: 'again', email: 'again@example.com' });
    const { web } = await world.signIn();
    const answer = await web.get('/login/upstream/corp?return_to=/account');
    expect(answer.headers.get('location')).toBe('/account');
    const url = await world.setOut(web, '/login/upstream/corp?prompt=login&login_hint=again%40example.com');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      ...{ prompt: 'login', max_age: '0', login_hint: 'again@example.com', response_type: 'code', client_id: 'codex' },
      ...{ scope: 'openid email profile', code_challenge_method: 'S256' },
    });
  });

  it('believes no proof that is older than the question for it', async () => {
    comes({ sub: 'old', email: 'old@example.com', auth_time: Math.floor(Date.now() / 1000) - 3600 });
    const asked = await world.signIn(undefined, '/login/upstream/corp?prompt=login');
    expect(asked.answer.status).toBe(403);
    expect((await world.signIn()).answer.status).toBe(303);
    // One that says no time although it was asked, or one that is no time, has proved nothing.
    for (const auth_time of [undefined, 1e300]) {
      world.provider().lies = { claims: { auth_time } };
      expect((await world.signIn(undefined, '/login/upstream/corp?prompt=login')).answer.status).toBe(403);
    }
  });

  it('signs out, with the tokens of the provider', async () => {
    comes({ sub: 'out', email: 'out@example.com' });
    const { web } = await world.signIn();
    const { id = '' } = (await world.me(web)) ?? {};
    const count = async () => {
      const { rows } = await world.db.query('select 1 from codex_auth.upstream_tokens where user_id = $1', [id]);
      return rows.length;
    };
    expect(await count()).toBe(1);
    await web.post('/logout', formOf(await (await web.get('/')).text()).hidden);
    expect(await count()).toBe(0);
  });
});

describe('who may sign in', () => {
  it.each<[string, Record<string, unknown>, RegExp, string]>([
    ['of another domain', { email: 'eve@evil.example' }, /not among those/, 'not_on_the_list'],
    ['of a domain that only ends alike', { email: 'eve@notexample.com' }, /not among those/, 'not_on_the_list'],
    ['of a subdomain', { email: 'eve@x.example.com' }, /not among those/, 'not_on_the_list'],
    ['with two at signs', { email: 'eve@example.com@evil.example' }, /which email/, 'email_missing'],
    ['with an unverified address', { email_verified: false }, /not verified/, 'email_unverified'],
    ['with an address nobody says is verified', { email_verified: undefined }, /not verified/, 'email_unverified'],
    ['without an address', { email: undefined }, /did not say which email/, 'email_missing'],
    ['of another group', { email: 'eve@evil.example', groups: ['sales', 'Platform'] }, /not among/, 'not_on_the_list'],
  ])('is nobody %s, who is told so and stands in the audit trail', async (_, person, said, reason) => {
    comes({ sub: `eve-${reason}`, email: 'eve@example.com', ...person });
    const { web, answer, text } = await world.signIn();
    expect(answer.status).toBe(403);
    expect(text).toMatch(said);
    expect(web.cookies.has('codex_session')).toBe(false);
    const audited = await world.auditOf('upstream_sign_in.refused');
    expect(audited.at(-1)).toMatchObject({ provider: 'corp', subject: `eve-${reason}`, reason });
    const { rows } = await world.db.query("select 1 from codex_auth.users where lower(email) like 'eve%'");
    expect(rows).toEqual([]);
  });

  it('is somebody of a group, whatever the domain of a verified address', async () => {
    comes({ sub: 'guest', email: 'guest@partner.example', groups: ['x', 'platform'] });
    expect((await world.signIn()).answer.status).toBe(303);
  });

  it('is asked at every sign-in: who has left the group is refused', async () => {
    comes({ sub: 'leaver', email: 'leaver@partner.example', groups: ['platform'] });
    expect((await world.signIn()).answer.status).toBe(303);
    comes({ sub: 'leaver', email: 'leaver@partner.example', groups: [] });
    expect((await world.signIn()).answer.status).toBe(403);
  });

  it('is nobody whom a local user has the address of: an address alone links nobody', async () => {
    const local = await createUser(world.db, 'Local@example.com');
    comes({ sub: 'local', email: 'local@EXAMPLE.com' });
    const { web, answer, text } = await world.signIn();
    expect(answer.status).toBe(403);
    expect(text).toContain('is not linked to this sign-in');
    expect(text).toContain('subject local');
    expect(web.cookies.has('codex_session')).toBe(false);
    const { rows } = await world.db.query('select 1 from codex_auth.upstream_identities where user_id = $1', [
      local.userId,
    ]);
    expect(rows).toEqual([]);
  });

  it('is nobody who is disabled', async () => {
    comes({ sub: 'disabled', email: 'disabled@example.com' });
    const { web } = await world.signIn();
    const { id = '' } = (await world.me(web)) ?? {};
    await world.db.query('update codex_auth.users set disabled_at = now() where id = $1', [id]);
    const again = await world.signIn();
    expect(again.answer.status).toBe(403);
    expect(again.text).toContain('disabled');
    expect(again.web.cookies.has('codex_session')).toBe(false);
  });

  it('is nobody of whom another issuer spoke when it had the name of this provider', async () => {
    comes({ sub: 'moved', email: 'moved@example.com' });
    await world.signIn();
    await world.db.query("update codex_auth.upstream_identities set issuer = 'https://before' where subject = 'moved'");
    const { answer, text } = await world.signIn();
    expect([answer.status, text.includes('another identity provider had this name')]).toEqual([403, true]);
  });

  it('shows what the provider says as text, never as markup', async () => {
    comes({ sub: '<img src=x onerror=alert(1)>', email: '"<script>"@evil.example' });
    const { text } = await world.signIn();
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(text).not.toMatch(/<img|<script/);
  });
});
