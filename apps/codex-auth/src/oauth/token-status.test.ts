import { generateRsaKey } from '@codex-gateways/crypto';
import { buildAccessToken, signRs256 } from '@codex-gateways/tokens';
import { CLI_CLIENT_ID, OAuthClient } from '../../test/oauth-client.ts';
import { basicAuth, registerClient } from '../../test/register-client.ts';
import { FIRST_USER, INTERNAL_SECRET, useAuthService } from '../../test/use-auth-service.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);
const internal = { 'x-internal-secret': INTERNAL_SECRET };

async function isActive(token: string): Promise<unknown> {
  const { status, body } = await client.postForm('/oauth/introspect', { token }, internal);
  expect(status).toBe(200);
  return body.active;
}

describe('revocation (RFC 7009)', () => {
  it("ends the whole login for the CLI's JSON", async () => {
    const { refresh_token, access_token } = await client.tokens();
    const answer = await client.revoke(refresh_token, { token_type_hint: 'refresh_token' });
    expect(answer.status).toBe(200);
    expect([await isActive(refresh_token), await isActive(access_token)]).toEqual([false, false]);
    expect(await client.me(access_token)).toBe(401);
    expect(await client.refresh(refresh_token)).toMatchObject({ body: { error: 'refresh_token_invalidated' } });
  });

  it('ends the live login for a refresh token that was rotated away', async () => {
    const { refresh_token } = await client.tokens();
    const { body } = await client.refresh(refresh_token);
    await client.revoke(refresh_token);
    expect(await isActive(body.refresh_token)).toBe(false);
  });

  it('ends an access token alone', async () => {
    const { refresh_token, access_token } = await client.tokens();
    const form = { token: access_token, client_id: CLI_CLIENT_ID };
    expect((await client.postForm('/oauth/revoke', form)).status).toBe(200);
    expect([await isActive(refresh_token), await isActive(access_token)]).toEqual([true, false]);
  });

  it('writes the end of an access token down, once, and nothing of the token', async () => {
    const { access_token } = await client.tokens();
    for (let time = 0; time < 2; time += 1) await client.revoke(access_token);
    const [, payload = '', signature = ''] = access_token.split('.');
    const { jti, sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti: string; sub: string };
    const written = await auth.db.query(
      "select action, subject_id, ip, details from codex_auth.audit_events where subject_type = 'access_token'",
    );
    const details = { client_id: CLI_CLIENT_ID, user_id: sub, grant_id: expect.any(String) };
    const entry = { action: 'access_token.revoked', subject_id: jti, ip: '127.0.0.1', details };
    expect(written.rows.filter((row) => row.subject_id === jti)).toEqual([entry]);
    expect(JSON.stringify(written.rows)).not.toContain(signature);
  });

  it('answers 200 for what it does not know', async () => {
    for (const token of ['unknown', 'a'.repeat(43), 'a.b.c']) expect((await client.revoke(token)).status).toBe(200);
  });

  it("refuses a token of another client, but not to the CLI's built-in client where the other is public", async () => {
    const { refresh_token } = await client.tokens();
    const stranger = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const refused = await client.revoke(refresh_token, { client_id: stranger.clientId });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await isActive(refresh_token)).toBe(true);
    const confidential = await registerClient(auth.db);
    expect((await client.revoke(refresh_token, { client_id: confidential.clientId })).status).toBe(401);
    const asOther = await client.postForm('/oauth/revoke', { token: refresh_token }, basicAuth(confidential));
    expect(asOther.status).toBe(400);
    await auth.db.query("update codex_auth.oauth_grants set client_id = 'another public client'");
    expect((await client.revoke(refresh_token)).status).toBe(200);
    expect(await isActive(refresh_token)).toBe(false);
  });

  it('needs a token and a client', async () => {
    expect(await client.postForm('/oauth/revoke', { client_id: CLI_CLIENT_ID })).toMatchObject({ status: 400 });
    expect(await client.postForm('/oauth/revoke', { token: 'x' })).toMatchObject({ status: 401 });
  });
});

describe('introspection (RFC 7662)', () => {
  it('tells a confidential client about a live token', async () => {
    const resourceServer = await registerClient(auth.db);
    const { access_token, refresh_token } = await client.tokens({ scope: 'openid email' });
    const { body } = await client.postForm('/oauth/introspect', { token: access_token }, basicAuth(resourceServer));
    expect(body).toMatchObject({
      active: true,
      iss: auth.url,
      sub: expect.stringMatching(/^user_/),
      username: FIRST_USER.email,
      client_id: CLI_CLIENT_ID,
      scope: 'openid email',
      token_type: 'Bearer',
    });
    expect(Number(body.exp) - Number(body.iat)).toBe(3600);
    const refresh = await client.postForm('/oauth/introspect', { token: refresh_token }, internal);
    expect(refresh.body).toMatchObject({ active: true, client_id: CLI_CLIENT_ID });
    expect(refresh.body).not.toHaveProperty('token_type');
  });

  it('says no more than inactive of anything else', async () => {
    const { access_token, refresh_token } = await client.tokens();
    await client.refresh(refresh_token);
    for (const token of ['x', 'a.b.c', refresh_token, `${access_token}x`]) {
      const { body } = await client.postForm('/oauth/introspect', { token }, internal);
      expect(body).toEqual({ active: false });
    }
    auth.clock.advance(3600);
    expect(await isActive(access_token)).toBe(false);
  });

  it('is not for everybody', async () => {
    const token = 'x';
    const stranger = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const refused = [
      await client.postForm('/oauth/introspect', { token }),
      await client.postForm('/oauth/introspect', { token, client_id: CLI_CLIENT_ID }),
      await client.postForm('/oauth/introspect', { token, client_id: stranger.clientId }),
      await client.postForm('/oauth/introspect', { token }, { 'x-internal-secret': 'wrong' }),
      await client.postForm('/oauth/introspect', { token }, { 'x-internal-secret': '' }),
    ];
    for (const { status, body } of refused) expect([status, body.error]).toEqual([401, 'invalid_client']);
  });
});

describe('access tokens that we did not make', () => {
  const claims = () => ({
    iss: auth.url,
    sub: 'user_x',
    client_id: CLI_CLIENT_ID,
    scope: 'openid',
    nowSeconds: auth.clock.nowSeconds(),
    lifetimeSeconds: 3600,
  });

  it('are refused: of another key, of another kind, without a signature', async () => {
    const { access_token, id_token } = await client.tokens();
    const [header = '', payload = ''] = access_token.split('.');
    const stranger = await generateRsaKey();
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
    const forged = await buildAccessToken({ kid, privateKey: stranger.privateKey }, claims());
    const noAlgorithm = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid })).toString('base64url');
    const tokens = [
      forged.token,
      id_token,
      `${noAlgorithm}.${payload}.`,
      `${noAlgorithm}.${payload}.AAAA`,
      await signRs256(stranger, { jti: 'x' }, { typ: 'at+jwt' }),
    ];
    for (const token of tokens) expect(await client.me(token)).toBe(401);
  });
});

describe('userinfo (OpenID Connect Core §5.3)', () => {
  async function userinfo(headers: Record<string, string>, method = 'GET') {
    const answer = await fetch(`${auth.url}/oauth/userinfo`, { method, headers });
    return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: await answer.json() };
  }

  it('tells who holds the token, as far as its scope goes', async () => {
    const all = await client.tokens();
    expect(await userinfo({ authorization: `Bearer ${all.access_token}` })).toMatchObject({
      status: 200,
      body: { sub: expect.stringMatching(/^user_/), email: FIRST_USER.email, email_verified: true },
    });
    const { access_token } = await client.tokens({ scope: 'openid' });
    expect((await userinfo({ authorization: `Bearer ${access_token}` }, 'POST')).body).toEqual({
      sub: expect.stringMatching(/^user_/),
    });
  });

  it('refuses with the challenge of RFC 6750 §3.1', async () => {
    expect(await userinfo({})).toMatchObject({ status: 401, challenge: 'Bearer' });
    expect(await userinfo({ authorization: 'Bearer x.y.z' })).toMatchObject({
      status: 401,
      challenge: 'Bearer error="invalid_token"',
      body: { error: 'invalid_token' },
    });
    const { access_token } = await client.tokens({ scope: 'profile' });
    expect(await userinfo({ authorization: `Bearer ${access_token}` })).toMatchObject({
      status: 403,
      body: { error: 'insufficient_scope' },
    });
  });
});
