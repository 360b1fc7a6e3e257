import { CLI_CLIENT_ID, OAuthClient } from '../../test/oauth-client.ts';
import { basicAuth, registerClient } from '../../test/register-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { formOf, WebSession } from '../../test/web-session.ts';

const auth = useAuthService({ CODEX_AUTH_USER_CODE_ATTEMPTS: '10' });
const client = new OAuthClient(() => auth.url);
const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

interface CliLogin {
  readonly device_auth_id: string;
  readonly user_code: string;
  readonly interval: string;
}

async function startCli(): Promise<CliLogin> {
  const { status, body } = await client.postJson<CliLogin>('/api/accounts/deviceauth/usercode', {
    client_id: CLI_CLIENT_ID,
  });
  expect(status).toBe(200);
  return body;
}

function pollCli({ device_auth_id, user_code }: Pick<CliLogin, 'device_auth_id' | 'user_code'>) {
  return client.postJson('/api/accounts/deviceauth/token', { device_auth_id, user_code });
}

/** Enters a code on the page and decides. @returns the answer to the decision */
async function decide(userCode: string, decision: 'approve' | 'deny', web?: WebSession): Promise<Response> {
  const person = web ?? (await client.signedIn());
  const confirm = await person.submit('/codex/device', { user_code: userCode });
  const { action, hidden } = formOf(await confirm.text());
  return person.post(action, { ...hidden, decision });
}

describe("the CLI's own device login", () => {
  it('is pending with 403 until a person approves, and then gives a code that buys tokens', async () => {
    const login = await startCli();
    expect(login).toEqual({
      device_auth_id: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      interval: '1',
    });
    expect((await pollCli(login)).status).toBe(403);
    expect((await decide(login.user_code, 'approve')).status).toBe(200);
    const { status, body } = await pollCli(login);
    expect(status).toBe(200);
    const code = { code: String(body.authorization_code), codeVerifier: String(body.code_verifier) };
    const tokens = await client.redeem(code, { redirect_uri: `${auth.url}/deviceauth/callback` });
    expect(tokens.status).toBe(200);
    expect(await client.me(String(tokens.body.access_token))).toBe(200);
    expect(tokens.body).toMatchObject({ id_token: expect.any(String), refresh_token: expect.any(String) });
  });

  it('tells the person what each generation of the CLI needs from then on', async () => {
    const page = await (await decide((await startCli()).user_code, 'approve')).text();
    expect(page).toContain(`CODEX_REFRESH_TOKEN_URL_OVERRIDE=${auth.url}/oauth/token`);
    expect(page).toContain(`CODEX_REVOKE_TOKEN_URL_OVERRIDE=${auth.url}/oauth/revoke`);
    const denied = await (await decide((await startCli()).user_code, 'deny')).text();
    expect(denied).not.toContain('CODEX_');
  });

  it('is exchanged by exactly one of many polls at once', async () => {
    const login = await startCli();
    await decide(login.user_code, 'approve');
    const polls = await Promise.all(Array.from({ length: 8 }, () => pollCli(login)));
    expect(polls.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)]);
  });

  it('ends with 400 when it is denied, when it has expired, and for anybody who knows half of it', async () => {
    const denied = await startCli();
    await decide(denied.user_code, 'deny');
    const approved = await startCli();
    await decide(approved.user_code, 'approve');
    const expired = await startCli();
    const refused = [
      await pollCli(denied),
      await pollCli({ ...approved, user_code: expired.user_code }),
      await pollCli({ ...approved, device_auth_id: expired.device_auth_id }),
      await pollCli({ device_auth_id: 'x', user_code: 'x' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    auth.clock.advance(901);
    expect((await pollCli(expired)).status).toBe(400);
    expect((await pollCli(approved)).status).toBe(400);
  });

  it('redeems its code at no other redirect URI', async () => {
    const login = await startCli();
    await decide(login.user_code, 'approve');
    const { body } = await pollCli(login);
    const code = { code: String(body.authorization_code), codeVerifier: String(body.code_verifier) };
    expect(await client.redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('does not begin for a client that is unknown or confidential', async () => {
    const confidential = await registerClient(auth.db);
    for (const client_id of ['unknown', confidential.clientId, '', 7]) {
      const answer = await client.postJson('/api/accounts/deviceauth/usercode', { client_id });
      expect(answer.status).toBe(400);
    }
  });
});

describe('the page where a code is entered', () => {
  it('needs a person who is signed in, and brings the code through the sign-in', async () => {
    const answer = await new WebSession(auth.url).get('/codex/device?user_code=BDWP-HQPK');
    const location = new URL(answer.headers.get('location') ?? '', auth.url);
    expect([location.pathname, location.searchParams.get('return_to')]).toEqual([
      '/login',
      '/codex/device?user_code=BDWP-HQPK',
    ]);
    const page = await (await (await client.signedIn()).get('/codex/device?user_code=BDWP-HQPK')).text();
    expect(page).toMatch(/<label>Code <input class="code" name="user_code" value="BDWP-HQPK"/);
    expect(page).toMatch(/<button type="submit">Continue<\/button>/);
  });

  it('shows who asks, from where and since when, before it asks for a decision', async () => {
    const answer = await fetch(`${auth.url}/api/accounts/deviceauth/usercode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'codex_cli_rs/0.1 <b>' },
      body: JSON.stringify({ client_id: CLI_CLIENT_ID }),
    });
    const { user_code } = (await answer.json()) as CliLogin;
    const web = await client.signedIn();
    const typed = user_code.toLowerCase().replace('-', ' ');
    const page = await (await web.submit('/codex/device', { user_code: typed })).text();
    for (const text of ['Codex CLI', '127.0.0.1', 'codex_cli_rs/0.1 &lt;b&gt;', 'UTC', user_code])
      expect(page).toContain(text);
    expect(page).toMatch(/<button [^>]*value="approve">Approve</);
    expect(page).toMatch(/<button [^>]*value="deny" class="quiet">Deny</);
  });

  it('decides once', async () => {
    const { user_code, ...login } = await startCli();
    await decide(user_code, 'deny');
    const again = await (await client.signedIn()).submit('/codex/device', { user_code });
    expect(again.status).toBe(400);
    expect((await pollCli({ ...login, user_code })).status).toBe(400);
  });

  it('cannot be posted by another site', async () => {
    const { user_code } = await startCli();
    const web = await client.signedIn();
    const { hidden } = formOf(await (await web.get('/codex/device')).text());
    const fields = { ...hidden, user_code, decision: 'approve' };
    const refused = [
      await web.post('/codex/device', { user_code, decision: 'approve' }),
      await web.post('/codex/device', fields, { origin: 'https://evil.example' }),
      await web.post('/codex/device', fields, { 'sec-fetch-site': 'cross-site' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    await auth.db.query('delete from codex_auth.rate_limits');
  });

  it('stops a person who guesses codes, the right one included, until a while has passed', async () => {
    const { user_code } = await startCli();
    const web = await client.signedIn();
    const { hidden } = formOf(await (await web.get('/codex/device')).text());
    const guess = (code: string, decision: Record<string, string> = {}) =>
      web.post('/codex/device', { ...hidden, user_code: code, ...decision });
    const guesses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => guess('BBBB-BBBB', index % 2 === 0 ? {} : { decision: 'approve' })),
    );
    const statuses = guesses.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(10).fill(400), ...Array(10).fill(429)]);
    const right = await guess(user_code);
    expect([right.status, Number(right.headers.get('retry-after')) > 0]).toEqual([429, true]);
    await auth.db.query('delete from codex_auth.rate_limits');
    expect((await guess(user_code)).status).toBe(200);
  });

  it('does not count codes that are right', async () => {
    const web = await client.signedIn();
    for (let count = 0; count < 12; count += 1) {
      expect((await decide((await startCli()).user_code, 'approve', web)).status).toBe(200);
    }
  });
});

describe('device authorization grant (RFC 8628)', () => {
  async function start(parameters: Record<string, string> = { client_id: CLI_CLIENT_ID }) {
    const { status, body } = await client.postForm('/oauth/device_authorization', parameters);
    expect(status).toBe(200);
    return { deviceCode: String(body.device_code), userCode: String(body.user_code), body };
  }

  afterEach(() => auth.clock.run());

  function poll(deviceCode: string, clientId = CLI_CLIENT_ID) {
    return client.token({ grant_type: DEVICE_CODE_GRANT, device_code: deviceCode, client_id: clientId });
  }

  it('begins with two codes and an address for people', async () => {
    const { body, userCode } = await start({ client_id: CLI_CLIENT_ID, scope: 'openid' });
    expect(body).toEqual({
      device_code: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      user_code: expect.any(String),
      verification_uri: `${auth.url}/codex/device`,
      verification_uri_complete: `${auth.url}/codex/device?user_code=${userCode}`,
      expires_in: 900,
      interval: 5,
    });
  });

  it('is pending, then gives tokens of the scope that was asked for, once', async () => {
    const { deviceCode, userCode } = await start({ client_id: CLI_CLIENT_ID, scope: 'openid email' });
    expect((await poll(deviceCode)).body.error).toBe('authorization_pending');
    await decide(userCode, 'approve');
    const tokens = await poll(deviceCode);
    expect(tokens).toMatchObject({ status: 200, body: { scope: 'openid email', token_type: 'Bearer' } });
    expect(await poll(deviceCode)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('leaves a device with the address and the program that asked for the code', async () => {
    const { deviceCode, userCode } = await start();
    await decide(userCode, 'approve');
    expect((await poll(deviceCode)).status).toBe(200);
    const { rows } = await auth.db.query(
      'select host(ip) as ip, user_agent from codex_auth.oauth_grants order by created_at desc limit 1',
    );
    expect(rows).toEqual([{ ip: '127.0.0.1', user_agent: 'node' }]);
  });

  it('gives tokens to exactly one of many polls at once', async () => {
    const { deviceCode, userCode } = await start();
    await decide(userCode, 'approve');
    const polls = await Promise.all(Array.from({ length: 8 }, () => poll(deviceCode)));
    expect(polls.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)]);
  });

  it('tells a hasty client to slow down, by five seconds each time', async () => {
    auth.clock.stop();
    const { deviceCode } = await start();
    const errors: unknown[] = [];
    for (const pauseSeconds of [0, 1, 6, 10, 15]) {
      auth.clock.advance(pauseSeconds);
      errors.push((await poll(deviceCode)).body.error);
    }
    const pending = 'authorization_pending';
    expect(errors).toEqual([pending, 'slow_down', 'slow_down', 'slow_down', 'slow_down']);
    auth.clock.advance(25);
    expect((await poll(deviceCode)).body.error).toBe(pending);
  });

  it('ends with access_denied and with expired_token', async () => {
    const denied = await start();
    await decide(denied.userCode, 'deny');
    expect(await poll(denied.deviceCode)).toMatchObject({ status: 400, body: { error: 'access_denied' } });
    const late = await start();
    auth.clock.advance(900);
    expect(await poll(late.deviceCode)).toMatchObject({ status: 400, body: { error: 'expired_token' } });
  });

  it('gives one client nothing for the code of another, and nothing across the two kinds of device login', async () => {
    const other = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const { deviceCode, userCode } = await start();
    const cli = await startCli();
    await decide(userCode, 'approve');
    await decide(cli.user_code, 'approve');
    expect((await poll(deviceCode, other.clientId)).body.error).toBe('invalid_grant');
    expect((await poll(cli.device_auth_id)).body.error).toBe('invalid_grant');
    expect((await pollCli({ device_auth_id: deviceCode, user_code: userCode })).status).toBe(400);
    expect((await poll(deviceCode)).status).toBe(200);
  });

  it('has confidential clients authenticate, and names the client to the person', async () => {
    const app = await registerClient(auth.db, { clientName: 'Build Farm' });
    expect((await client.postForm('/oauth/device_authorization', { client_id: app.clientId })).status).toBe(401);
    const { body } = await client.postForm('/oauth/device_authorization', { scope: 'openid' }, basicAuth(app));
    const web = await client.signedIn();
    const page = await (await web.submit('/codex/device', { user_code: String(body.user_code) })).text();
    expect(page).toContain('Build Farm');
  });

  it('tells the person what a client would be allowed to do, as the consent page does', async () => {
    const app = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const pageFor = async (clientId: string, scope: string) => {
      const { body } = await client.postForm('/oauth/device_authorization', { client_id: clientId, scope });
      const web = await client.signedIn();
      return (await web.submit('/codex/device', { user_code: String(body.user_code) })).text();
    };
    const little = await pageFor(app.clientId, 'openid');
    expect(little).toContain('<li>know who you are</li>');
    expect(little).not.toContain('administer');
    expect(await pageFor(app.clientId, 'openid codex.api')).toMatch(/<li>[^<]*remote tokens[^<]*administer[^<]*<\/li>/);
    expect(await pageFor(CLI_CLIENT_ID, 'openid')).toMatch(/<li>[^<]*administer[^<]*<\/li>/); // it needs no scope for it
  });

  it('is not for clients that did not register it', async () => {
    const app = await registerClient(auth.db, { grantTypes: ['authorization_code'], tokenEndpointAuthMethod: 'none' });
    const answer = await client.postForm('/oauth/device_authorization', { client_id: app.clientId });
    expect(answer).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } });
  });
});
