import { sha256 } from '@codex-gateways/crypto';
import { OAuthClient } from '../../test/oauth-client.ts';
import { createUser } from '../../test/second-user.ts';
import { FIRST_USER, useAuthService } from '../../test/use-auth-service.ts';
import { formOf, WebSession } from '../../test/web-session.ts';

const auth = useAuthService({ CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '10000', CODEX_AUTH_SESSION_IDLE_TTL: '2h' });
const client = new OAuthClient(() => auth.url);
const HOUR_SECONDS = 3600;

function attempt(web: WebSession, changes: Record<string, string> = {}): Promise<Response> {
  return web.submit('/login', { ...FIRST_USER, ...changes });
}

async function isSignedIn(web: WebSession): Promise<boolean> {
  return (await web.get('/api/me')).status === 200;
}

describe('the sign-in page', () => {
  it('has labelled fields, a strict policy, and works without a script', async () => {
    const answer = await new WebSession(auth.url).get('/login');
    const page = await answer.text();
    expect(page).toMatch(/<label>Email <input type="email" name="email"/);
    expect(page).toMatch(/<label>Password <input type="password" name="password"/);
    expect(page).toMatch(/<button type="submit">Sign in<\/button>/);
    expect(page).not.toMatch(/<script|style=|onclick/);
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await fetch(`${auth.url}/assets/style.css`)).headers.get('content-type')).toMatch(/^text\/css/);
  });

  it('signs in with the right password, whatever the case of the address', async () => {
    const web = new WebSession(auth.url);
    const answer = await attempt(web, { email: ' DEV@localhost ' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    const [cookie] = answer.headers.getSetCookie().filter((line) => line.startsWith('codex_session='));
    expect(cookie).toMatch(/^codex_session=[A-Za-z0-9_-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(await (await web.get('/api/me')).json()).toMatchObject({ email: FIRST_USER.email, role: 'admin' });
    expect(await (await web.get('/api/workspaces')).json()).toEqual([
      { id: expect.stringMatching(/^ws_/), name: 'Personal', role: 'owner' },
    ]);
    expect((await web.get('/login')).status).toBe(303);
  });

  it('keeps no cookie value and no password in the database', async () => {
    const web = await client.signedIn();
    const sessions = await auth.db.query('select encode(id_digest, $1) as digest from codex_auth.sessions', ['base64']);
    const digest = sha256(web.cookies.get('codex_session') ?? '').toString('base64');
    expect(sessions.rows).toContainEqual({ digest });
    const hashes = await auth.db.query('select password_hash from codex_auth.password_credentials');
    expect(hashes.rows[0]?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  it('says the same of an unknown address, a wrong password, a disabled user and an overlong password', async () => {
    const user = await createUser(auth.db, 'disabled@localhost');
    await auth.db.query('update codex_auth.users set disabled_at = now() where id = $1', [user.userId]);
    const attempts: Record<string, string>[] = [
      { password: 'wrong password' },
      { email: 'nobody@localhost' },
      { email: user.email, password: user.password },
      { password: 'x'.repeat(300) },
      { email: '', password: '' },
    ];
    const pages = await Promise.all(
      attempts.map(async (changes) => {
        const answer = await attempt(new WebSession(auth.url), changes);
        return [answer.status, /role="alert">([^<]*)</.exec(await answer.text())?.[1]];
      }),
    );
    expect(new Set(pages.map((page) => JSON.stringify(page))).size).toBe(1);
    expect(pages[0]?.[0]).toBe(401);
  });

  it('does as much work for an unknown address as for a known one', async () => {
    // Of the processor, on all threads: what a busy machine does meanwhile does not count.
    const workFor = async (email: string) => {
      const before = process.cpuUsage();
      await attempt(new WebSession(auth.url), { email, password: 'wrong password' });
      return process.cpuUsage(before).user;
    };
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const { email } = await createUser(auth.db, `timing-${round}@localhost`);
      known.push(await workFor(email));
      unknown.push(await workFor(`nobody-${round}@localhost`));
    }
    const median = (works: number[]) => works.sort((left, right) => left - right)[6] ?? 0;
    // Without the decoy hash the second is a tenth of the first.
    expect(median(unknown)).toBeGreaterThan(median(known) / 2);
  });
});

describe('where a person goes after signing in', () => {
  it.each([
    ['/codex/device?user_code=BDWP-HQPK', '/codex/device?user_code=BDWP-HQPK'],
    ['/a/../b?x=1#fragment', '/b?x=1'],
    ['https://evil.example/', '/'],
    ['//evil.example/', '/'],
    ['/\\evil.example/', '/'],
    ['/\t/evil.example/', '/'],
    ['/.//evil.example/', '/'],
    ['/x/..//evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['', '/'],
  ])('for return_to=%j is %s', async (returnTo, expected) => {
    const web = new WebSession(auth.url);
    const answer = await web.submit('/login', { ...FIRST_USER, return_to: returnTo });
    expect(answer.headers.get('location')).toBe(expected);
  });
});

describe('forged forms (CSRF)', () => {
  async function form(web: WebSession) {
    return formOf(await (await web.get('/login')).text());
  }

  it('do not sign anybody in', async () => {
    const web = new WebSession(auth.url);
    const { hidden } = await form(web);
    const stranger = new WebSession(auth.url);
    const foreign = await form(stranger);
    const refused = [
      await web.post('/login', FIRST_USER),
      await web.post('/login', { ...FIRST_USER, csrf_token: 'x' }),
      await web.post('/login', { ...FIRST_USER, ...foreign.hidden }),
      await new WebSession(auth.url).post('/login', { ...FIRST_USER, ...hidden }),
      await web.post('/login', { ...FIRST_USER, ...hidden }, { origin: 'https://evil.example' }),
      await web.post('/login', { ...FIRST_USER, ...hidden }, { origin: 'null' }),
      await web.post('/login', { ...FIRST_USER, ...hidden }, { 'sec-fetch-site': 'cross-site' }),
      await web.post('/login', { ...FIRST_USER, ...hidden }, { 'sec-fetch-site': 'same-site' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual(Array(8).fill(403));
    const own = await web.post('/login', { ...FIRST_USER, ...hidden }, { origin: auth.url });
    expect(own.status).toBe(303);
  });

  it('are of no use once the session is another', async () => {
    const web = new WebSession(auth.url);
    const { hidden } = await form(web);
    await web.signIn();
    expect((await web.post('/logout', hidden)).status).toBe(403);
    expect(await isSignedIn(web)).toBe(true);
  });
});

describe('sessions', () => {
  it('are not fixed by a cookie that was there before', async () => {
    const web = new WebSession(auth.url);
    web.cookies.set('codex_session', 'a'.repeat(43));
    await web.signIn();
    expect(web.cookies.get('codex_session')).not.toBe('a'.repeat(43));
    const planted = new WebSession(auth.url);
    planted.cookies.set('codex_session', 'a'.repeat(43));
    expect(await isSignedIn(planted)).toBe(false);
  });

  it('begin anew with every sign-in, and the one before ends', async () => {
    const web = await client.signedIn();
    const before = web.cookies.get('codex_session') ?? '';
    const { action, hidden } = formOf(await (await web.get('/login?prompt=login')).text());
    await web.post(action, { ...hidden, ...FIRST_USER });
    expect(web.cookies.get('codex_session')).not.toBe(before);
    const old = new WebSession(auth.url);
    old.cookies.set('codex_session', before);
    expect([await isSignedIn(web), await isSignedIn(old)]).toEqual([true, false]);
  });

  it('end with signing out', async () => {
    const web = await client.signedIn();
    const cookie = web.cookies.get('codex_session') ?? '';
    const answer = await web.submit('/', {});
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login']);
    expect(web.cookies.has('codex_session')).toBe(false);
    web.cookies.set('codex_session', cookie);
    expect(await isSignedIn(web)).toBe(false);
  });

  it('end when they are not used, and after their lifetime even when they are', async () => {
    const idle = await client.signedIn();
    const busy = await client.signedIn();
    auth.clock.advance(1.5 * HOUR_SECONDS);
    expect(await isSignedIn(busy)).toBe(true);
    auth.clock.advance(HOUR_SECONDS);
    expect([await isSignedIn(idle), await isSignedIn(busy)]).toEqual([false, true]);
    let hours = 2.5;
    for (; hours < 30 * 24 && (await isSignedIn(busy)); hours += 1.5) auth.clock.advance(1.5 * HOUR_SECONDS);
    expect(hours).toBeGreaterThan(30 * 24 - 3);
    expect(await isSignedIn(busy)).toBe(false);
  });

  it('end when the user is disabled', async () => {
    const user = await createUser(auth.db, 'leaving@localhost');
    const web = new WebSession(auth.url);
    await web.signIn(user);
    await auth.db.query('update codex_auth.users set disabled_at = now() where id = $1', [user.userId]);
    expect(await isSignedIn(web)).toBe(false);
  });
});

describe('guessing a password', () => {
  it('locks the account after five wrong ones, for the right one too, a minute at first and longer each time', async () => {
    const user = await createUser(auth.db, 'guessed@localhost');
    const wrong = { email: user.email, password: 'wrong password' };
    for (let count = 0; count < 5; count += 1) await attempt(new WebSession(auth.url), wrong);
    const right = async () => (await attempt(new WebSession(auth.url), user)).status;
    expect(await right()).toBe(401);
    auth.clock.advance(61);
    await attempt(new WebSession(auth.url), wrong);
    auth.clock.advance(61);
    expect(await right()).toBe(401);
    auth.clock.advance(60);
    expect(await right()).toBe(303);
    expect(await right()).toBe(303);
    const events = await auth.db.query(
      "select count(*)::int as locks from codex_auth.audit_events where action = 'account.locked' and subject_id = $1",
      [user.userId],
    );
    expect(events.rows).toEqual([{ locks: 2 }]);
  });

  it('does not get more tries by trying all at once', async () => {
    const user = await createUser(auth.db, 'raced@localhost');
    const attempts = Array.from({ length: 20 }, () =>
      attempt(new WebSession(auth.url), { email: user.email, password: 'wrong password' }),
    );
    await Promise.all(attempts);
    const { rows } = await auth.db.query(
      'select failed_attempts as failed from codex_auth.password_credentials where user_id = $1',
      [user.userId],
    );
    expect(rows).toEqual([{ failed: 5 }]);
  });
});
