import { randomUUID } from 'node:crypto';
import { CLI_CLIENT_ID, OAuthClient } from '../../test/oauth-client.ts';
import { apiCall } from '../../test/people.ts';
import { createUser } from '../../test/second-user.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { useReplica } from '../../test/use-replica.ts';
import { formOf, WebSession } from '../../test/web-session.ts';

const auth = useAuthService({ CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '10000' });
const other = useReplica(auth);
const client = new OAuthClient(() => auth.url);
const PATH = '/api/sessions';

const isSignedIn = async (web: WebSession) => (await web.get('/api/me')).status === 200;
const call = (web: WebSession | undefined, method: string, path: string) =>
  apiCall(web, { url: auth.url, method, path });

/** Somebody with two browsers, one of them at the other replica, and a login of the CLI. */
async function person() {
  const user = await createUser(auth.db, `${randomUUID()}@localhost`);
  const web = new WebSession(auth.url);
  await web.submit('/login', user);
  const elsewhere = new WebSession(other.url);
  await elsewhere.submit('/login', user);
  const { body } = await client.redeem(await client.authorizationCode({}, web));
  return { user, web, elsewhere, accessToken: String(body.access_token), refreshToken: String(body.refresh_token) };
}

describe('the sessions and devices of a person', () => {
  it('are listed with time, place and program, and without anything that would open them', async () => {
    const { web, user } = await person();
    const { status, body, text, headers } = await call(web, 'GET', PATH);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
    const session = { id: expect.stringMatching(/^[0-9a-f-]{36}$/), created_at: time, last_seen_at: time };
    const place = { expires_at: time, ip: '127.0.0.1', user_agent: 'node' };
    expect(body.sessions).toHaveLength(2);
    expect(body.sessions).toContainEqual({ ...session, ...place, is_current: true });
    expect(body.sessions).toContainEqual({ ...session, ...place, is_current: false });
    expect(body.devices).toEqual([
      {
        id: expect.any(String),
        client_id: CLI_CLIENT_ID,
        client_name: 'Codex CLI',
        scope: expect.stringContaining('offline_access'),
        ...{ created_at: time, last_used_at: time, expires_at: time, ip: '127.0.0.1', user_agent: 'node' },
      },
    ]);
    expect(text).not.toContain(web.cookies.get('codex_session'));
    const page = await (await web.get('/account')).text();
    expect(page).toContain('<li>Codex CLI\n<br><span class="dim">node</span>');
    expect(page).toContain(user.email);
    expect(page).toContain('This browser');
    expect(page).toContain('Codex CLI');
  });

  it('end one by one, on every replica, and it is written down', async () => {
    const { user, web, elsewhere, accessToken, refreshToken } = await person();
    const { sessions, devices } = (await call(web, 'GET', PATH)).body;
    const remote = sessions.find((session: { is_current: boolean }) => !session.is_current);
    expect((await call(web, 'DELETE', `${PATH}/${remote.id}`)).status).toBe(204);
    expect([await isSignedIn(web), await isSignedIn(elsewhere)]).toEqual([true, false]);
    expect((await call(web, 'DELETE', `${PATH}/${devices[0].id}`)).status).toBe(204);
    expect((await call(web, 'DELETE', `${PATH}/${devices[0].id}`)).status).toBe(404);
    expect(await new OAuthClient(() => other.url).me(accessToken)).toBe(401);
    expect((await client.refresh(refreshToken)).body).toMatchObject({ error: 'refresh_token_invalidated' });
    expect((await call(web, 'GET', PATH)).body).toMatchObject({ devices: [] });
    const { rows } = await auth.db.query(
      `select action, subject_id, host(ip) as ip from codex_auth.audit_events
        where actor_user_id = $1 and action in ('session.ended', 'grant.revoked') order by id`,
      [user.userId],
    );
    expect(rows).toEqual([
      { action: 'session.ended', subject_id: remote.id, ip: '127.0.0.1' },
      { action: 'grant.revoked', subject_id: devices[0].id, ip: '127.0.0.1' },
    ]);
  });

  it('are nobody else’s to see or to end', async () => {
    const [victim, attacker] = [await person(), await person()];
    const { sessions, devices } = (await call(victim.web, 'GET', PATH)).body;
    const seen = (await call(attacker.web, 'GET', PATH)).text;
    for (const { id } of [...sessions, ...devices]) {
      expect(seen).not.toContain(id);
      expect((await call(attacker.web, 'DELETE', `${PATH}/${id}`)).status).toBe(404);
      const { action, hidden } = formOf(await (await attacker.web.get('/account')).text());
      expect((await attacker.web.post(action, { ...hidden, id })).status).toBe(404);
    }
    for (const id of [randomUUID(), 'x', "' or 1=1 --", '%00']) {
      expect((await call(attacker.web, 'DELETE', `${PATH}/${encodeURIComponent(id)}`)).status).toBe(404);
    }
    expect([await isSignedIn(victim.web), await client.me(victim.accessToken)]).toEqual([true, 200]);
    for (const method of ['GET', 'DELETE']) expect((await call(undefined, method, PATH)).status).toBe(401);
  });
});

describe('signing out everywhere', () => {
  it('ends every session and every grant, and approvals that are not yet used, and nothing of others', async () => {
    const { user, web, elsewhere, accessToken, refreshToken } = await person();
    const bystander = await person();
    const unspent = await client.authorizationCode({}, web);
    const device = (await client.postForm('/oauth/device_authorization', { client_id: CLI_CLIENT_ID })).body;
    const confirm = formOf(await (await web.submit('/codex/device', { user_code: String(device.user_code) })).text());
    await web.post(confirm.action, { ...confirm.hidden, decision: 'approve' });
    expect((await call(web, 'DELETE', PATH)).status).toBe(204);
    expect([await isSignedIn(web), await isSignedIn(elsewhere)]).toEqual([false, false]);
    for (const url of [auth.url, other.url]) {
      const at = new OAuthClient(() => url);
      expect(await at.me(accessToken)).toBe(401);
      expect((await at.refresh(refreshToken)).status).toBe(401);
      expect((await at.redeem(unspent)).body).toMatchObject({ error: 'invalid_grant' });
    }
    const poll = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: CLI_CLIENT_ID };
    const polled = await client.token({ ...poll, device_code: String(device.device_code) });
    expect(polled.body).toMatchObject({ error: 'access_denied' });
    expect([await isSignedIn(bystander.web), await client.me(bystander.accessToken)]).toEqual([true, 200]);
    const { rows } = await auth.db.query(
      "select details from codex_auth.audit_events where action = 'user.signed_out_everywhere' and actor_user_id = $1",
      [user.userId],
    );
    expect(rows).toEqual([{ details: { sessions: 2, grants: 1 } }]);
  });

  it('leaves nothing alive of a code that is redeemed at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { web } = await person();
      const code = await client.authorizationCode({}, web);
      const [redeemed] = await Promise.all([client.redeem(code), call(web, 'DELETE', PATH)]);
      const token = String(redeemed.body.access_token ?? 'x.y.z');
      expect(await client.me(token)).toBe(401);
    }
  });

  it('works from the page, and not from another site', async () => {
    const { web, accessToken } = await person();
    const page = await (await web.get('/account')).text();
    const { hidden } = formOf(page);
    const path = '/account/sign-out-everywhere';
    expect(page).toContain(`<form method="post" action="${path}">`);
    const forged = [
      await web.post(path, {}),
      await web.post(path, hidden, { 'sec-fetch-site': 'cross-site' }),
      await web.post('/account/sessions/end', { id: randomUUID() }),
    ];
    expect(forged.map(({ status }) => status)).toEqual([403, 403, 403]);
    const cookie = { cookie: `codex_session=${web.cookies.get('codex_session')}` };
    const foreign = { method: 'DELETE', headers: { ...cookie, origin: 'https://evil.example' } };
    expect((await fetch(auth.url + PATH, foreign)).status).toBe(403);
    expect(await isSignedIn(web)).toBe(true);
    const answer = await web.post(path, { csrf_token: hidden.csrf_token ?? '' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login?return_to=%2Faccount']);
    expect([await isSignedIn(web), await client.me(accessToken)]).toEqual([false, 401]);
  });

  it('sends a stranger to sign in', async () => {
    const location = (await new WebSession(auth.url).get('/account')).headers.get('location');
    expect(location).toBe('/login?return_to=%2Faccount');
  });
});
