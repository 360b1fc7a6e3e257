import { OAuthClient } from '../../test/oauth-client.ts';
import { registerClient } from '../../test/register-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { WebSession } from '../../test/web-session.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);

/** A write of the API: mints a remote token. */
async function write(web: WebSession, headers: Record<string, string>, body?: string): Promise<number> {
  const workspaces = (await (await web.get('/api/workspaces')).json()) as { id: string }[];
  const cookie = [...web.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await fetch(`${auth.url}/api/codex/tokens`, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json', ...headers },
    body: body ?? JSON.stringify({ workspace_id: workspaces[0]?.id, name: 'test' }),
  });
  return answer.status;
}

describe('writes with a session cookie (CSRF)', () => {
  it('come from our own pages, or from programs, which have no one else’s cookies', async () => {
    const web = await client.signedIn();
    expect(await write(web, {})).toBe(201);
    expect(await write(web, { origin: auth.url })).toBe(201);
    expect(await write(web, { 'sec-fetch-site': 'same-origin', origin: auth.url })).toBe(201);
  });

  it.each<[string, Record<string, string>]>([
    ['another site', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a page without an origin', { origin: 'null' }],
    ['another site, as the browser says', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour, as the browser says', { 'sec-fetch-site': 'same-site' }],
    ['another site under our name', { 'sec-fetch-site': 'cross-site', origin: 'OURS' }],
  ])('are refused from %s', async (_what, headers) => {
    const web = await client.signedIn();
    const sent = headers.origin === 'OURS' ? { ...headers, origin: auth.url } : headers;
    expect(await write(web, sent)).toBe(403);
  });

  it('are refused as a form could send them', async () => {
    const web = await client.signedIn();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      expect(await write(web, { 'content-type': type })).toBe(415);
    }
  });
});

describe('nobody', () => {
  it('is told how to be somebody (RFC 9110 §15.5.2)', async () => {
    const answer = await fetch(`${auth.url}/api/me`);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });
});

describe('an access token', () => {
  it('needs no cookie, and no origin', async () => {
    const { access_token } = await client.tokens();
    const headers = { authorization: `Bearer ${access_token}`, origin: 'https://elsewhere.example' };
    expect((await fetch(`${auth.url}/api/workspaces`, { headers })).status).toBe(200);
  });

  it('counts alone, once it is presented: a cookie does not make up for a bad one', async () => {
    const web = await client.signedIn();
    for (const authorization of ['Bearer x.y.z', 'Bearer', 'Basic x', '']) {
      const answer = await web.get('/api/me', { authorization });
      expect({ authorization, status: answer.status }).toEqual({ authorization, status: 401 });
    }
  });

  it('of another client needs the scope for the API', async () => {
    const app = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const web = await client.signedIn();
    const status = async (scope: string) => {
      const parameters = { client_id: app.clientId, redirect_uri: app.redirectUri, scope };
      await web.submit(client.authorizePath(parameters), { decision: 'approve' });
      const code = await client.authorizationCode(parameters, web);
      const { body } = await client.redeem(code, { client_id: app.clientId, redirect_uri: app.redirectUri });
      return client.me(String(body.access_token));
    };
    expect(await status('openid')).toBe(403);
    expect(await status('openid codex.api')).toBe(200);
  });
});

describe('the home page', () => {
  it('says what this is, to strangers and to people who are signed in', async () => {
    const stranger = await new WebSession(auth.url).get('/');
    expect(await stranger.text()).toContain('href="/login?return_to=%2F"');
    const page = await (await (await client.signedIn()).get('/')).text();
    expect(page).toContain('dev@localhost');
    expect(page).toContain('Sign out');
  });
});
