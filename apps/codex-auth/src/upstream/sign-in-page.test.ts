import { FIRST_USER } from '../../test/use-auth-service.ts';
import { oidcEntry, useUpstreams } from '../../test/use-upstreams.ts';
import { formOf } from '../../test/web-session.ts';

describe('the sign-in page with passwords and one provider', () => {
  const world = useUpstreams(['corp'], (issuerOf) => [
    oidcEntry('corp', issuerOf('corp'), { display_name: 'The <b>corp</b>' }),
  ]);

  it('offers both, and carries along where to and who', async () => {
    const page = await (await world.newBrowser().get('/login?return_to=/account&login_hint=a@b.c&prompt=login')).text();
    expect(page).toContain('Sign in with The &lt;b&gt;corp&lt;/b&gt;</a>');
    expect(page).toContain('href="/login/upstream/corp?return_to=%2Faccount&amp;login_hint=a%40b.c&amp;prompt=login"');
    expect(page).toMatch(/<label>Password/);
    const web = world.newBrowser();
    await web.signIn();
    expect(await world.me(web)).toMatchObject({ email: FIRST_USER.email });
  });

  it('offers the provider again beside a refused password', async () => {
    const answer = await world.newBrowser().submit('/login', { email: 'a@b.c', password: 'wrong' });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain('/login/upstream/corp');
  });
});

describe('without local accounts', () => {
  const world = useUpstreams(['corp'], (issuerOf) => [oidcEntry('corp', issuerOf('corp'))], {
    CODEX_AUTH_LOCAL_ACCOUNTS: 'off',
  });

  it('the only provider is where people go at once', async () => {
    const web = world.newBrowser();
    const answer = await web.get('/login?return_to=/account');
    expect(answer.headers.get('location')).toBe('/login/upstream/corp?return_to=%2Faccount');
    const { answer: back } = await world.signIn(web, answer.headers.get('location') ?? '');
    expect(back.headers.get('location')).toBe('/account');
    expect(await (await web.get('/account')).text()).not.toContain('Change the password');
    expect((await web.get('/account/password')).status).toBe(404);
  });

  it('a password is refused, and the first user is not made', async () => {
    const web = world.newBrowser();
    await world.signIn(web);
    const { hidden } = formOf(await (await web.get('/')).text());
    const answer = await web.post('/login', { ...hidden, ...FIRST_USER });
    expect(answer.status).toBe(403);
    const { rows } = await world.db.query('select 1 from codex_auth.users where email = $1', [FIRST_USER.email]);
    expect(rows).toEqual([]);
  });

  it('signing out ends where nobody is signed in again at once', async () => {
    const web = world.newBrowser();
    await world.signIn(web);
    const answer = await web.post('/logout', formOf(await (await web.get('/')).text()).hidden);
    expect(answer.headers.get('location')).toBe('/');
    expect(await world.me(web)).toBeUndefined();
  });
});

describe('without local accounts and with two providers', () => {
  const world = useUpstreams(
    ['corp', 'other'],
    (issuerOf) => [oidcEntry('corp', issuerOf('corp')), oidcEntry('other', issuerOf('other'))],
    { CODEX_AUTH_LOCAL_ACCOUNTS: 'off' },
  );

  it('the page offers them and has no form', async () => {
    const page = await (await world.newBrowser().get('/login')).text();
    expect(page).toContain('Sign in with The corp');
    expect(page).toContain('Sign in with The other');
    expect(page).not.toMatch(/<form|type="password"/);
  });
});

describe('going to a provider', () => {
  const world = useUpstreams(['corp'], (issuerOf) => [oidcEntry('corp', issuerOf('corp'))], {
    CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '3',
  });

  it('is limited from one address', async () => {
    for (let each = 0; each < 3; each += 1) await world.setOut(world.newBrowser());
    const answer = await world.newBrowser().get('/login/upstream/corp');
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
