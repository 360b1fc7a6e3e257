import { parseJws } from '@codex-gateways/tokens';
import { CLI_REDIRECT_URI, OAuthClient } from '../../test/oauth-client.ts';
import { type RegisteredClient, registerClient } from '../../test/register-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { formOf, WebSession } from '../../test/web-session.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);

function locationOf(answer: Response): URL {
  return new URL(answer.headers.get('location') ?? 'none:', auth.url);
}

/** The parameters that came back to the client. */
function answerOf(answer: Response, redirectUri = CLI_REDIRECT_URI): Record<string, string> {
  const location = locationOf(answer);
  expect(location.href.split('?')[0]).toBe(redirectUri);
  return Object.fromEntries(location.searchParams);
}

describe('authorization endpoint (RFC 6749 §4.1)', () => {
  it('answers a signed-in person with a code, the state and the issuer (RFC 9207)', async () => {
    const answer = await (await client.signedIn()).get(client.authorizePath());
    expect(answer.status).toBe(302);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answerOf(answer)).toEqual({ code: expect.any(String), state: 'state-of-the-test', iss: auth.url });
  });

  it('sends a stranger to the sign-in page, and from there back to the request', async () => {
    const web = new WebSession(auth.url);
    const login = locationOf(await web.get(client.authorizePath({ login_hint: 'dev@localhost' })));
    expect(login.pathname).toBe('/login');
    const page = await (await web.get(login.pathname + login.search)).text();
    expect(page).toContain('value="dev@localhost"');
    const { action, hidden } = formOf(page);
    const password = 'correct horse battery staple';
    const signedIn = await web.post(action, { ...hidden, email: 'dev@localhost', password });
    const back = locationOf(signedIn);
    expect(back.origin).toBe(auth.url);
    expect(answerOf(await web.get(back.pathname + back.search))).toMatchObject({ code: expect.any(String) });
  });

  it('takes the form of a POST as well (OpenID Connect Core §3.1.2.1)', async () => {
    const web = await client.signedIn();
    const query = new URL(client.authorizePath(), auth.url).searchParams;
    const again = locationOf(await web.post('/oauth/authorize', Object.fromEntries(query)));
    expect(answerOf(await web.get(again.pathname + again.search))).toMatchObject({ code: expect.any(String) });
  });

  it('grants what it knows of the scopes that are asked for', async () => {
    const { body } = await client.redeem(await client.authorizationCode({ scope: 'openid future.scope email' }));
    expect(body.scope).toBe('openid email');
  });
});

describe('what is shown on a page, and never by a redirect (RFC 6749 §4.1.2.1)', () => {
  it.each<[string, Record<string, string | undefined>]>([
    ['no client', { client_id: undefined }],
    ['an unknown client', { client_id: 'app_unknown' }],
    ['a client id that no database has', { client_id: '\0' }],
    ['no redirect URI', { redirect_uri: undefined }],
    ['a redirect URI elsewhere', { redirect_uri: 'https://evil.example/auth/callback' }],
    ['a redirect URI with credentials', { redirect_uri: 'http://localhost:1455@evil.example/auth/callback' }],
    [
      'a redirect URI on a host that begins like ours',
      { redirect_uri: 'http://localhost.evil.example:1/auth/callback' },
    ],
    ['a script for a redirect URI', { redirect_uri: 'javascript:alert(1)' }],
    ['an overlong request', { state: 'x'.repeat(5000) }],
  ])('%s', async (_what, parameters) => {
    const answer = await (await client.signedIn()).get(client.authorizePath(parameters));
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await answer.text()).toContain('role="alert"');
  });

  it.each(['client_id', 'redirect_uri'])('a repeated %s', async (name) => {
    const answer = await new WebSession(auth.url).get(`${client.authorizePath()}&${name}=x`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
  });

  it('a redirect URI of another client', async () => {
    const other = await registerClient(auth.db);
    const path = client.authorizePath({ redirect_uri: other.redirectUri });
    expect((await new WebSession(auth.url).get(path)).status).toBe(400);
  });
});

describe('what goes back to the client as an error, with state and issuer', () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ['no response type', { response_type: undefined }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a fragment for an answer', { response_mode: 'fragment' }, 'invalid_request'],
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a challenge without a method, which would be plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['the method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a malformed challenge', { code_challenge: 'short' }, 'invalid_request'],
    ['a malformed scope', { scope: 'open"id' }, 'invalid_scope'],
    ['scopes that nobody knows', { scope: 'x y' }, 'invalid_scope'],
    ['prompt none with another', { prompt: 'none login' }, 'invalid_request'],
    ['a malformed max_age', { max_age: '-1' }, 'invalid_request'],
    ['a request object', { request: 'x.y.z' }, 'request_not_supported'],
    ['a request by reference', { request_uri: 'https://a.example' }, 'request_uri_not_supported'],
    ['an overlong nonce', { nonce: 'x'.repeat(2000) }, 'invalid_request'],
  ])('%s', async (_what, parameters, error) => {
    const answer = await new WebSession(auth.url).get(client.authorizePath(parameters));
    expect(answerOf(answer)).toMatchObject({ error, state: 'state-of-the-test', iss: auth.url });
  });

  it.each(['scope', 'state', 'code_challenge', 'anything'])('a repeated %s', async (name) => {
    const answer = await new WebSession(auth.url).get(`${client.authorizePath({ anything: '1' })}&${name}=x`);
    expect(answerOf(answer)).toMatchObject({ error: 'invalid_request' });
  });

  it('a stranger, where no page may be shown', async () => {
    const answer = await new WebSession(auth.url).get(client.authorizePath({ prompt: 'none' }));
    expect(answerOf(answer)).toMatchObject({ error: 'login_required' });
  });
});

describe('prompt and max_age (OpenID Connect Core §3.1.2.1)', () => {
  it.each<[string, Record<string, string>]>([
    ['prompt=login', { prompt: 'login' }],
    ['prompt=select_account', { prompt: 'select_account' }],
    ['max_age=0', { max_age: '0' }],
  ])('has a signed-in person sign in again for %s, once', async (_what, parameters) => {
    const web = await client.signedIn();
    const sessionBefore = web.cookies.get('codex_session');
    auth.clock.advance(60);
    const login = locationOf(await web.get(client.authorizePath(parameters)));
    expect(login.pathname).toBe('/login');
    const { action, hidden } = formOf(await (await web.get(login.pathname + login.search)).text());
    const fields = { ...hidden, email: 'dev@localhost', password: 'correct horse battery staple' };
    const back = locationOf(await web.post(action, fields));
    expect(web.cookies.get('codex_session')).not.toBe(sessionBefore);
    expect(answerOf(await web.get(back.pathname + back.search))).toHaveProperty('code');
  });

  it('lets a session within max_age through, and says in the ID token when the person signed in', async () => {
    const signedInFrom = auth.clock.nowSeconds();
    const web = await client.signedIn();
    const signedInUntil = auth.clock.nowSeconds();
    auth.clock.advance(100);
    const { body } = await client.redeem(await client.authorizationCode({ max_age: '1000' }, web));
    const authTime = Number(parseJws(String(body.id_token))?.payload.auth_time);
    expect(authTime).toBeGreaterThanOrEqual(signedInFrom);
    expect(authTime).toBeLessThanOrEqual(signedInUntil);
    auth.clock.advance(1000);
    const silent = await web.get(client.authorizePath({ max_age: '1000', prompt: 'none' }));
    expect(answerOf(silent)).toMatchObject({ error: 'login_required' });
  });
});

describe('the consent page, for clients other than the CLI', () => {
  function pathFor({ clientId, redirectUri }: RegisteredClient, parameters: Record<string, string> = {}): string {
    return client.authorizePath({
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: 'openid email',
      ...parameters,
    });
  }

  it('asks once, names the client and what it wants, and remembers', async () => {
    const app = await registerClient(auth.db, { clientName: 'A <b>client</b>' });
    const web = await client.signedIn();
    const page = await web.get(pathFor(app));
    const text = await page.text();
    expect(text).toContain('A &lt;b&gt;client&lt;/b&gt;');
    expect(text).toContain('see your email address');
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https://client.example");
    const approved = await web.submit(pathFor(app), { decision: 'approve' });
    expect(approved.status).toBe(303);
    expect(answerOf(approved, app.redirectUri)).toEqual({
      code: expect.any(String),
      state: expect.any(String),
      iss: auth.url,
    });
    expect(answerOf(await web.get(pathFor(app)), app.redirectUri)).toHaveProperty('code');
    expect((await web.get(pathFor(app, { scope: 'openid codex.api' }))).status).toBe(200);
    expect((await web.get(pathFor(app, { prompt: 'consent' }))).status).toBe(200);
  });

  it('tells the client of a no, and asks again next time', async () => {
    const app = await registerClient(auth.db);
    const web = await client.signedIn();
    const denied = await web.submit(pathFor(app), { decision: 'deny' });
    expect(answerOf(denied, app.redirectUri)).toMatchObject({ error: 'access_denied', state: expect.any(String) });
    expect((await web.get(pathFor(app))).status).toBe(200);
    const silent = await web.get(pathFor(app, { prompt: 'none' }));
    expect(answerOf(silent, app.redirectUri)).toMatchObject({ error: 'consent_required' });
  });

  it('cannot be posted by another site, nor be used to reach an unregistered address', async () => {
    const app = await registerClient(auth.db);
    const web = await client.signedIn();
    const { action, hidden } = formOf(await (await web.get(pathFor(app))).text());
    const fields: Record<string, string> = { ...hidden, decision: 'approve' };
    const refused = [
      await web.post(action, { ...fields, csrf_token: 'x' }),
      await web.post(action, fields, { 'sec-fetch-site': 'cross-site' }),
      await web.post(action, fields, { origin: 'https://evil.example' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    const elsewhere = new URLSearchParams(fields.request);
    elsewhere.set('redirect_uri', 'https://evil.example/callback');
    const tampered = await web.post(action, { ...fields, request: elsewhere.toString() });
    expect([tampered.status, tampered.headers.get('location')]).toEqual([400, null]);
  });
});
