import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { parseJws } from '@codex-gateways/tokens';
import jwt from 'jsonwebtoken';
import { CLI_CLIENT_ID, CLI_REDIRECT_URI, OAuthClient } from '../../test/oauth-client.ts';
import { basicAuth, registerClient } from '../../test/register-client.ts';
import { FIRST_USER, useAuthService } from '../../test/use-auth-service.ts';

const auth = useAuthService();
const client = new OAuthClient(() => auth.url);

type PublishedKey = JsonWebKey & { kid: string };

async function publicKey(kid: string | undefined) {
  const { keys } = (await (await fetch(`${auth.url}/.well-known/jwks.json`)).json()) as { keys: PublishedKey[] };
  const jwk = keys.find((key) => key.kid === kid);
  return createPublicKey({ key: jwk ?? {}, format: 'jwk' }).export({ format: 'pem', type: 'spki' });
}

describe('token endpoint, authorization_code (RFC 6749 §4.1.3)', () => {
  it('gives the CLI the three tokens it needs, not to be stored by any cache', async () => {
    const { status, body, headers } = await client.redeem(await client.authorizationCode({ nonce: 'n-1' }));
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 });
    expect(body.refresh_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const idToken = parseJws(String(body.id_token))?.payload;
    expect(idToken).toMatchObject({ iss: auth.url, aud: CLI_CLIENT_ID, email: FIRST_USER.email, nonce: 'n-1' });
    expect(idToken?.['https://api.openai.com/auth']).toMatchObject({
      chatgpt_account_id: expect.stringMatching(/^ws_/),
      chatgpt_user_id: idToken?.sub,
      user_id: idToken?.sub,
      is_org_owner: true,
    });
    expect(await client.me(String(body.access_token))).toBe(200);
  });

  it('signs tokens that another library verifies by the published keys', async () => {
    const { access_token, id_token } = await client.tokens();
    for (const token of [access_token, id_token]) {
      const decoded = jwt.decode(token, { complete: true });
      const claims = jwt.verify(token, await publicKey(decoded?.header.kid), {
        algorithms: ['RS256'],
        issuer: auth.url,
      });
      expect(claims).toMatchObject({ sub: expect.stringMatching(/^user_/) });
    }
    expect(jwt.decode(access_token)).toMatchObject({ client_id: CLI_CLIENT_ID, jti: expect.any(String) });
  });

  it('reads the same parameters from JSON', async () => {
    const { code, codeVerifier } = await client.authorizationCode();
    const body = { grant_type: 'authorization_code', code, code_verifier: codeVerifier };
    const answer = await client.postJson('/oauth/token', {
      ...body,
      client_id: CLI_CLIENT_ID,
      redirect_uri: CLI_REDIRECT_URI,
    });
    expect(answer.status).toBe(200);
  });

  it('leaves the ID token out where openid was not granted', async () => {
    const { body } = await client.redeem(await client.authorizationCode({ scope: 'profile' }));
    expect(body).toMatchObject({ scope: 'profile' });
    expect(body).not.toHaveProperty('id_token');
  });

  it('refuses a code that has expired', async () => {
    const code = await client.authorizationCode();
    auth.clock.advance(601);
    expect(await client.redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('refuses a code of a user who has been disabled', async () => {
    const code = await client.authorizationCode();
    await auth.db.query('update codex_auth.users set disabled_at = now()');
    const refused = await client.redeem(code);
    await auth.db.query('update codex_auth.users set disabled_at = null');
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});

describe('a code that is used twice (RFC 6749 §4.1.2)', () => {
  it('lets exactly one of eight concurrent redemptions succeed', async () => {
    const code = await client.authorizationCode();
    const replies = await Promise.all(Array.from({ length: 8 }, () => client.redeem(code)));
    expect(replies.map(({ body }) => body.error ?? 'issued').sort()).toEqual([
      ...Array(7).fill('invalid_grant'),
      'issued',
    ]);
  });

  it('takes away what the first use gave, and writes that down', async () => {
    const code = await client.authorizationCode();
    const first = await client.redeem(code);
    expect(await client.redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await client.me(String(first.body.access_token))).toBe(401);
    const refreshed = await client.refresh(String(first.body.refresh_token));
    expect(refreshed).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
    const audit = await auth.db.query(
      `select details ->> 'reason' as reason from codex_auth.audit_events where action = 'grant.revoked' order by id desc limit 1`,
    );
    expect(audit.rows).toEqual([{ reason: 'code_replayed' }]);
  });

  it('leaves the tokens alone when another client presents the code', async () => {
    const other = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const code = await client.authorizationCode();
    const first = await client.redeem(code);
    expect((await client.redeem(code, { client_id: other.clientId })).status).toBe(400);
    expect(await client.me(String(first.body.access_token))).toBe(200);
  });
});

describe('proof key for code exchange (RFC 7636 §4.6)', () => {
  it.each([
    ['another verifier', 'x'.repeat(43), 'invalid_grant'],
    ['the challenge itself, as for plain', 'CHALLENGE', 'invalid_grant'],
    ['a verifier that is too short', 'x'.repeat(42), 'invalid_grant'],
    ['a verifier that is too long', 'x'.repeat(129), 'invalid_grant'],
    ['no verifier', undefined, 'invalid_request'],
  ])('refuses %s, and the code stays good for its owner', async (_what, verifier, error) => {
    const code = await client.authorizationCode();
    const challenge = verifier === 'CHALLENGE' ? code.codeVerifier.slice(0, 43) : verifier;
    expect(await client.redeem(code, { code_verifier: challenge })).toMatchObject({ status: 400, body: { error } });
    expect((await client.redeem(code)).status).toBe(200);
  });
});

describe('a code is bound to its client and redirect URI (RFC 6749 §4.1.3)', () => {
  it('refuses another redirect URI, even one of the same client', async () => {
    const code = await client.authorizationCode();
    for (const redirect_uri of [
      `${CLI_REDIRECT_URI}/`,
      'http://127.0.0.1:1455/auth/callback',
      'https://evil.example',
    ]) {
      expect(await client.redeem(code, { redirect_uri })).toMatchObject({ body: { error: 'invalid_grant' } });
    }
    expect((await client.redeem(code)).status).toBe(200);
  });

  it('refuses another client', async () => {
    const other = await registerClient(auth.db, { tokenEndpointAuthMethod: 'none' });
    const code = await client.authorizationCode();
    const refused = await client.redeem(code, { client_id: other.clientId });
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});

describe('client authentication (RFC 6749 §2.3)', () => {
  const request = { grant_type: 'refresh_token', refresh_token: 'a'.repeat(43) };

  it('lets a client in by the method it registered, and reaches the grant then', async () => {
    const basic = await registerClient(auth.db);
    const post = await registerClient(auth.db, { tokenEndpointAuthMethod: 'client_secret_post' });
    const answers = [
      await client.postForm('/oauth/token', request, basicAuth(basic)),
      await client.postForm('/oauth/token', { ...request, client_id: basic.clientId }, basicAuth(basic)),
      await client.postForm('/oauth/token', {
        ...request,
        client_id: post.clientId,
        client_secret: post.clientSecret,
      }),
    ];
    expect(answers.map(({ body }) => body.error)).toEqual(Array(3).fill('refresh_token_invalidated'));
  });

  it('refuses every other way with 401 and, where a header was tried, a challenge', async () => {
    const basic = await registerClient(auth.db);
    const asPost = { client_id: basic.clientId, client_secret: basic.clientSecret };
    const refused = [
      await client.token(request),
      await client.token({ ...request, client_id: 'nobody' }),
      await client.token({ ...request, client_id: 'n\u00f6body' }),
      await client.token({ ...request, client_id: basic.clientId }),
      await client.token({ ...request, ...asPost }),
      await client.token({ ...request, client_id: CLI_CLIENT_ID, client_secret: 'a secret it does not have' }),
    ];
    for (const { status, body } of refused)
      expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_client' });
    const wrong = await client.postForm('/oauth/token', request, basicAuth({ ...basic, clientSecret: 'wrong' }));
    expect(wrong).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Basic /);
  });

  it('refuses two ways at once', async () => {
    const basic = await registerClient(auth.db);
    const both = { ...request, client_id: basic.clientId, client_secret: basic.clientSecret };
    const answer = await client.postForm('/oauth/token', both, basicAuth(basic));
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('refuses a grant type that the client did not register', async () => {
    const limited = await registerClient(auth.db, { grantTypes: ['authorization_code'] });
    const answer = await client.postForm('/oauth/token', request, basicAuth(limited));
    expect(answer).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } });
  });
});

describe('token endpoint, refusals (RFC 6749 §5.2)', () => {
  it("answers the CLI's exchange of its ID token for an API key with unsupported_grant_type", async () => {
    const { id_token } = await client.tokens();
    const answer = await client.token({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: CLI_CLIENT_ID,
      requested_token: 'openai-api-key',
      subject_token: id_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    });
    expect(answer).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } });
  });

  it.each([
    [
      'a repeated parameter',
      'application/x-www-form-urlencoded',
      'grant_type=refresh_token&grant_type=refresh_token',
      400,
    ],
    ['no grant type', 'application/x-www-form-urlencoded', 'client_id=x', 400],
    ['an empty grant type', 'application/x-www-form-urlencoded', 'grant_type=', 400],
    ['a NUL', 'application/x-www-form-urlencoded', 'grant_type=refresh_token&refresh_token=%00', 400],
    ['an empty body', 'application/x-www-form-urlencoded', '', 400],
    ['another content type', 'text/plain', 'grant_type=refresh_token', 400],
    ['JSON that is not an object', 'application/json', '["grant_type"]', 400],
    ['JSON that is a text', 'application/json', '"grant_type"', 400],
    ['broken JSON', 'application/json', '{"grant_type":', 400],
    ['values that are not texts', 'application/json', '{"grant_type":{"$ne":null}}', 400],
    ['a charset that does not exist', 'application/json; charset=klingon', '{}', 415],
    ['a body that is too large', 'application/x-www-form-urlencoded', `code=${'x'.repeat(70_000)}`, 413],
    ['too many parameters', 'application/x-www-form-urlencoded', '&a=1'.repeat(200), 400],
  ])('answers %s as invalid_request', async (_what, contentType, body, status) => {
    const answer = await fetch(`${auth.url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ error: 'invalid_request', error_description: expect.any(String) });
  });
});
