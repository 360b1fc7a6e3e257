import { generateKeyPairSync } from 'node:crypto';
import { sha256 } from '@codex-gateways/crypto';
import { METADATA, mintInitialAccessToken, register } from '../../test/registration.ts';
import { useWorld } from '../../test/use-world.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const JWK = publicKey.export({ format: 'jwk' });

describe('client registration, open (RFC 7591)', () => {
  const world = useWorld({ CODEX_AUTH_DYNAMIC_REGISTRATION: 'open', CODEX_AUTH_REGISTRATIONS_PER_ADDRESS: '1000' });

  it('tells a client its id and secret, how to manage itself, and what it got', async () => {
    const { status, headers, body } = await register(world, {
      ...METADATA,
      client_name: 'Test Client',
      client_uri: 'https://client.example/',
      software_id: '4NRB1-0XZABZI9E6-5SM3R',
      software_version: '2.1',
      contacts: ['ops@client.example'],
      'client_name#de': 'Prüfling',
      unknown_member: { a: 1 },
    });
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect(body).toEqual({
      client_id: expect.stringMatching(/^client_[0-9a-f-]{36}$/),
      client_id_issued_at: expect.any(Number),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      client_secret_expires_at: 0,
      registration_access_token: expect.stringMatching(/^[\w-]{43}$/),
      registration_client_uri: `${world.auth.url}/oauth/register/${body.client_id}`,
      client_name: 'Test Client',
      redirect_uris: METADATA.redirect_uris,
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'openid profile email offline_access',
      client_uri: 'https://client.example/',
      software_id: '4NRB1-0XZABZI9E6-5SM3R',
      software_version: '2.1',
      contacts: ['ops@client.example'],
    });
  });

  it('keeps secrets and tokens as digests, and writes the registration down', async () => {
    const { body } = await register(world);
    const stored = await world.db.query(
      `select c.client_secret_digest, r.access_token_digest
         from codex_auth.oauth_clients c
         join codex_auth.client_registrations r on r.client_id = c.client_id
        where c.client_id = $1`,
      [body.client_id],
    );
    expect(stored.rows).toEqual([
      {
        client_secret_digest: sha256(body.client_secret),
        access_token_digest: sha256(body.registration_access_token),
      },
    ]);
    const audited = await world.db.query('select action, ip from codex_auth.audit_events where subject_id = $1', [
      body.client_id,
    ]);
    expect(audited.rows).toEqual([{ action: 'client.registered', ip: '127.0.0.1' }]);
  });

  it('gives a public client and one with keys no secret', async () => {
    const open = await register(world, { ...METADATA, token_endpoint_auth_method: 'none' });
    expect(open.body).toMatchObject({ token_endpoint_auth_method: 'none' });
    const jwks = { keys: [{ ...JWK, kid: 'k1', 'x-other': '\0' }] };
    const keyed = await register(world, { ...METADATA, token_endpoint_auth_method: 'private_key_jwt', jwks });
    expect(keyed.body.jwks).toEqual({ keys: [{ ...JWK, kid: 'k1', use: 'sig' }] });
    for (const { status, body } of [open, keyed]) {
      expect(status).toBe(201);
      expect(body).not.toHaveProperty('client_secret');
    }
  });

  it('gives a client of device logins no redirect URI', async () => {
    const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';
    const { status, body } = await register(world, { grant_types: [deviceCode, 'refresh_token'] });
    expect([status, body.redirect_uris, body.response_types]).toEqual([201, [], []]);
  });

  it('gives nobody the scope of the API whom nobody vouched for', async () => {
    const { body } = await register(world, { ...METADATA, scope: 'openid codex.api unknown' });
    expect(body.scope).toBe('openid');
    expect((await register(world, { ...METADATA, scope: 'codex.api' })).body.error).toBe('invalid_client_metadata');
    const admin = await world.addPerson({ role: 'admin' });
    const { token } = await mintInitialAccessToken(world, admin);
    const trusted = await register(world, { ...METADATA, scope: 'openid codex.api' }, token);
    expect(trusted.body.scope).toBe('openid codex.api');
  });

  it('refuses an initial access token that is presented and not good, though none is needed', async () => {
    expect((await register(world, METADATA, 'iat_wrong')).status).toBe(401);
  });

  it.each<[string, unknown]>([
    ['plain http', ['http://client.example/cb']],
    ['a fragment', ['https://client.example/cb#x']],
    ['a user', ['https://a@client.example/cb']],
    ['a wildcard', ['https://*.client.example/cb']],
    ['a script', ['javascript:alert(1)']],
    ['one bad one among good ones', ['https://client.example/cb', 'data:text/html,x']],
    ['more than ten', Array.from({ length: 11 }, (_, n) => `https://client.example/${n}`)],
    ['a long one', [`https://client.example/${'x'.repeat(2000)}`]],
    ['none', []],
    ['no list', 'https://client.example/cb'],
    ['something else than text', [7]],
    ['nothing', undefined],
  ])('refuses redirect URIs with %s as invalid_redirect_uri (§3.2.2)', async (_what, redirect_uris) => {
    const { status, body } = await register(world, { redirect_uris });
    expect([status, body.error]).toEqual([400, 'invalid_redirect_uri']);
    expect(body.error_description).toEqual(expect.any(String));
  });

  it.each<[string, Record<string, unknown>]>([
    ['an unknown grant type', { grant_types: ['implicit'] }],
    ['a password grant', { grant_types: ['authorization_code', 'password'] }],
    ['refresh tokens out of nothing', { grant_types: ['refresh_token'] }],
    ['no grant type', { grant_types: [] }],
    ['a response type without its grant', { grant_types: ['authorization_code'], response_types: [] }],
    ['an implicit response', { response_types: ['code', 'token'] }],
    ['an unknown way to authenticate', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['keys elsewhere', { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://client.example/jwks' }],
    ['keys inside the network', { jwks_uri: 'http://169.254.169.254/latest/meta-data' }],
    ['no keys', { token_endpoint_auth_method: 'private_key_jwt' }],
    [
      'a private key',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [privateKey.export({ format: 'jwk' })] } },
    ],
    ['a shared key', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['two keys without names', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [JWK, JWK] } }],
    ['eleven keys', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: Array(11).fill(JWK) } }],
    ['a shared-key algorithm', { token_endpoint_auth_signing_alg: 'HS256' }],
    ['no algorithm', { token_endpoint_auth_signing_alg: 'none' }],
    ['the name of the CLI', { client_name: 'Codex  CLI' }],
    ['the name of the CLI in other letters', { client_name: 'ＣＯＤＥＸ cli' }],
    ['a name that turns the line around', { client_name: 'abc\u202etxt' }],
    ['a name of two lines', { client_name: 'a\nb' }],
    ['a long name', { client_name: 'x'.repeat(101) }],
    ['a script as its page', { client_uri: 'javascript:alert(1)' }],
    ['a logo over plain http', { logo_uri: 'http://client.example/logo.png' }],
    ['a scope of no meaning here', { scope: 'admin root' }],
    ['another application type', { application_type: 'service' }],
  ])('refuses %s as invalid_client_metadata (§3.2.2)', async (_what, metadata) => {
    const { status, headers, body } = await register(world, { ...METADATA, ...metadata });
    expect([status, body.error, headers.get('cache-control')]).toEqual([400, 'invalid_client_metadata', 'no-store']);
  });

  it.each([['[]'], ['null'], ['7'], ['"x"'], ['{']])('refuses the body %j', async (text) => {
    const { status, body } = await world.send('POST', '/oauth/register', text);
    expect(status).toBe(400);
    expect(['invalid_client_metadata', 'invalid_request']).toContain(body.error);
  });

  it('is in the discovery document', async () => {
    const { body } = await world.send('GET', '/.well-known/oauth-authorization-server');
    expect(body.registration_endpoint).toBe(`${world.auth.url}/oauth/register`);
  });
});

describe('client registration, off', () => {
  const world = useWorld();

  it('is not there', async () => {
    const admin = await world.addPerson({ role: 'admin' });
    expect((await register(world)).status).toBe(404);
    expect((await world.call(admin, 'GET', '/api/admin/initial-access-tokens')).status).toBe(404);
    const { body } = await world.send('GET', '/.well-known/oauth-authorization-server');
    expect(body).not.toHaveProperty('registration_endpoint');
  });
});

describe('mass registration', () => {
  const world = useWorld({
    CODEX_AUTH_DYNAMIC_REGISTRATION: 'open',
    CODEX_AUTH_REGISTRATIONS_PER_ADDRESS: '12',
    CODEX_AUTH_REGISTERED_CLIENTS: '5',
    CODEX_AUTH_CLEANUP_INTERVAL: '1s',
  });

  it('stops at the limit of the server, however many come at once, and at that of the address', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => register(world)));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(5).fill(201), ...Array(5).fill(429)]);
    const { rows } = await world.db.query('select count(*)::int as clients from codex_auth.oauth_clients');
    expect(rows).toEqual([{ clients: 5 }]);
    const more = [await register(world), await register(world, {}), await register(world)];
    expect(more.map(({ status }) => status)).toEqual([429, 400, 429]);
    expect(more[2]?.body.error).toBe('too_many_requests');
    expect(Number(more[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
