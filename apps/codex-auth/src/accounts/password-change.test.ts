import { OAuthClient } from '../../test/oauth-client.ts';
import { AdminBrowser, apiCall, CHOSEN_PASSWORD, signInFirst } from '../../test/people.ts';
import { createUser } from '../../test/second-user.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { formOf, WebSession } from '../../test/web-session.ts';

const auth = useAuthService({ CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '10000' });
const client = new OAuthClient(() => auth.url);
const admin = new AdminBrowser(() => auth.url);
const NEW = 'correct horse battery staple 2';

async function signedIn(user: { email: string; password: string }): Promise<WebSession> {
  const web = new WebSession(auth.url);
  await web.signIn(user);
  return web;
}

const isSignedIn = async (web: WebSession) => (await web.get('/api/me')).status === 200;
const change = (web: WebSession | undefined, body: unknown) =>
  apiCall(web, { url: auth.url, method: 'POST', path: '/api/account/password', body });
const byForm = (web: WebSession, current: string, chosen: string, again = chosen) =>
  web.submit('/account/password', { current_password: current, new_password: chosen, new_password_again: again });

describe('changing the password', () => {
  it('needs the current one, ends the other sessions, and gives this one a fresh id', async () => {
    const user = await createUser(auth.db, 'changes@localhost');
    const [web, other] = [await signedIn(user), await signedIn(user)];
    const before = web.cookies.get('codex_session') ?? '';
    const answer = await byForm(web, user.password, NEW);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account']);
    expect(web.cookies.get('codex_session')).not.toBe(before);
    expect([await isSignedIn(web), await isSignedIn(other)]).toEqual([true, false]);
    const old = new WebSession(auth.url);
    old.cookies.set('codex_session', before);
    expect(await isSignedIn(old)).toBe(false);
    await expect(signedIn(user)).rejects.toThrow('401');
    expect(await isSignedIn(await signedIn({ ...user, password: NEW }))).toBe(true);
    const { rows } = await auth.db.query(
      "select actor_user_id as actor, details from codex_auth.audit_events where action = 'user.password_changed' and subject_id = $1",
      [user.userId],
    );
    expect(rows).toEqual([{ actor: user.userId, details: { sessions: 2 } }]);
  });

  it('works over the API too', async () => {
    const user = await createUser(auth.db, 'changes-by-api@localhost');
    const web = await signedIn(user);
    const answer = await change(web, { current_password: user.password, new_password: NEW });
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie()[0]).toMatch(/^codex_session=[A-Za-z0-9_-]{43}; .*HttpOnly; SameSite=Lax$/);
    expect(await isSignedIn(web)).toBe(false);
  });

  it('is refused for a wrong one, which counts as a failed sign-in, and for an unsuitable new one, which does not', async () => {
    const user = await createUser(auth.db, 'guesses@localhost');
    const web = await signedIn(user);
    const code = async (current: string, chosen: string) =>
      (await change(web, { current_password: current, new_password: chosen })).body.error.code;
    expect(await code(user.password, 'short')).toBe('unsuitable_password');
    expect(await code(user.password, 'x'.repeat(257))).toBe('unsuitable_password');
    expect(await code(user.password, user.password)).toBe('unsuitable_password');
    expect(await code(user.password, user.email.toUpperCase())).toBe('unsuitable_password');
    expect((await byForm(web, user.password, NEW, 'another one')).status).toBe(400);
    for (let count = 0; count < 5; count += 1) expect(await code('a wrong password', NEW)).toBe('wrong_password');
    expect(await code(user.password, NEW)).toBe('wrong_password');
    auth.clock.advance(61);
    expect((await byForm(web, user.password, NEW)).status).toBe(303);
  });

  it('lets one of four concurrent changes win', async () => {
    const user = await createUser(auth.db, 'races@localhost');
    const web = await signedIn(user);
    const changes = Array.from({ length: 4 }, (_, index) =>
      change(web, { current_password: user.password, new_password: `${NEW} ${index}` }),
    );
    const statuses = (await Promise.all(changes)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
  });

  it('cannot be caused by another site, and not without a session', async () => {
    const user = await createUser(auth.db, 'forged@localhost');
    const web = await signedIn(user);
    const { hidden } = formOf(await (await web.get('/account/password')).text());
    const fields = { current_password: user.password, new_password: NEW, new_password_again: NEW };
    expect((await web.post('/account/password', fields)).status).toBe(403);
    const foreign = { origin: 'https://evil.example' };
    expect((await web.post('/account/password', { ...fields, ...hidden }, foreign)).status).toBe(403);
    const stranger = new WebSession(auth.url);
    expect((await stranger.get('/account/password')).headers.get('location')).toContain('/login?');
    expect((await change(undefined, { current_password: user.password, new_password: NEW })).status).toBe(401);
    expect((await change(web, { current_password: 1, new_password: NEW })).status).toBe(400);
    expect(await isSignedIn(await signedIn(user))).toBe(true);
  });
});

describe('a password that an administrator had generated', () => {
  it('opens a session that can do nothing but replace it', async () => {
    const person = await admin.makePerson('new@localhost');
    expect(person.oneTimePassword).toMatch(/^[A-Za-z0-9_-]{20}$/);
    const web = new WebSession(auth.url);
    const answer = await web.submit('/login', {
      email: person.email,
      password: person.oneTimePassword,
      return_to: '/codex/device',
    });
    expect(answer.headers.get('location')).toBe('/account/password?return_to=%2Fcodex%2Fdevice');
    expect(await isSignedIn(web)).toBe(false);
    for (const path of ['/account', '/codex/device', client.authorizePath()]) {
      expect((await web.get(path)).headers.get('location')).toContain('/login?');
    }
    const page = await (await web.get(answer.headers.get('location') ?? '')).text();
    expect(page).toContain('made by an administrator');
    const before = web.cookies.get('codex_session');
    const { action, hidden } = formOf(page);
    const fields = { current_password: person.oneTimePassword, new_password: NEW, new_password_again: NEW };
    const changed = await web.post(action, { ...hidden, ...fields });
    expect(changed.headers.get('location')).toBe('/codex/device');
    expect(web.cookies.get('codex_session')).not.toBe(before);
    expect(await isSignedIn(web)).toBe(true);
    await expect(signedIn({ email: person.email, password: person.oneTimePassword })).rejects.toThrow('401');
  });

  it('is worth nothing after its time', async () => {
    const person = await admin.makePerson('late@localhost');
    auth.clock.advance(7 * 86_400 + 1);
    await expect(signInFirst(auth.url, person)).rejects.toThrow('401');
  });

  it('after a reset takes the place of the old one, and signs the user out everywhere', async () => {
    const administrator = new AdminBrowser(() => auth.url);
    const person = await administrator.makePerson('reset@localhost');
    const web = await signInFirst(auth.url, person);
    const tokens = await client.redeem(await client.authorizationCode({}, web));
    const pending = await client.authorizationCode({}, web);
    const { body } = await administrator.call('PATCH', `/api/admin/users/${person.id}`, { reset_password: true });
    expect(body).toMatchObject({ must_change_password: true, one_time_password: expect.any(String) });
    expect(await isSignedIn(web)).toBe(false);
    expect(await client.me(String(tokens.body.access_token))).toBe(401);
    expect((await client.refresh(String(tokens.body.refresh_token))).status).toBe(401);
    expect((await client.redeem(pending)).status).toBe(400);
    await expect(signedIn({ email: person.email, password: CHOSEN_PASSWORD })).rejects.toThrow('401');
    const again = await signInFirst(auth.url, { ...person, oneTimePassword: body.one_time_password });
    expect(await isSignedIn(again)).toBe(true);
    const trail = await auth.db.query('select details::text from codex_auth.audit_events');
    expect(JSON.stringify(trail.rows)).not.toContain(body.one_time_password);
  });
});
