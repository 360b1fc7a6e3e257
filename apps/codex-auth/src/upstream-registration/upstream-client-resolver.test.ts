import { metadataOf, registersClients as registersAt, useLyingUpstream } from '../../test/lying-upstream.ts';
import { OWN_ISSUER, useUpstreamClients } from '../../test/use-upstream-clients.ts';
import { mayBeNamedBy } from './ask-upstream.ts';
import type { UpstreamClientSettings } from './upstream-client.ts';

const fixture = useUpstreamClients();
const here = useLyingUpstream();

const DISCOVERY = 'GET /.well-known/openid-configuration';
const settings = (overrides: Partial<UpstreamClientSettings> = {}): UpstreamClientSettings => ({
  name: 'corp',
  issuer: here().issuer,
  scopes: ['openid', 'email'],
  ...overrides,
});
const metadata = (overrides: Record<string, unknown> = {}) => metadataOf(here(), overrides);
const registersClients = (answer: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  registersAt(here(), answer, more);

const resolve = (overrides: Partial<UpstreamClientSettings> = {}, options = {}) =>
  fixture.newResolver(options).resolve(settings(overrides));
const registrations = () => here().requests.filter(({ path }) => path === '/register').length;

describe('an upstream with a client id', () => {
  it('is used as the configuration has it, without being asked', async () => {
    const client = await resolve({
      clientId: 'by-hand',
      clientSecret: 'secret',
      authorizationEndpoint: 'https://id.example/authorize',
      tokenEndpoint: 'https://id.example/token',
    });
    expect(client).toMatchObject({
      clientId: 'by-hand',
      clientSecret: 'secret',
      authorizationEndpoint: 'https://id.example/authorize',
      tokenEndpoint: 'https://id.example/token',
      tokenEndpointAuthMethod: 'client_secret_basic',
      redirectUri: `${OWN_ISSUER}/oauth/callback`,
    });
    expect(here().requests).toEqual([]);
  });

  it('has its endpoints from the metadata, asked for once by many', async () => {
    here().on(DISCOVERY, () => metadata({ token_endpoint_auth_methods_supported: ['client_secret_post'] }));
    const resolver = fixture.newResolver();
    const explicit = settings({ clientId: 'by-hand', clientSecret: 'secret', redirectUri: `${OWN_ISSUER}/cb` });
    const [client] = await Promise.all(Array.from({ length: 10 }, () => resolver.resolve(explicit)));
    expect(client).toMatchObject({
      authorizationEndpoint: `${here().issuer}/authorize`,
      tokenEndpointAuthMethod: 'client_secret_post',
      redirectUri: `${OWN_ISSUER}/cb`,
      issuer: here().issuer,
      jwksUri: `${here().issuer}/jwks`,
      userinfoEndpoint: `${here().issuer}/me`,
    });
    expect(here().requests.length).toBe(1);
    fixture.clock.advance(601);
    await resolver.resolve(explicit);
    expect(here().requests.length).toBe(2);
  });

  it('does not remember that it could not be asked', async () => {
    const resolver = fixture.newResolver();
    await expect(resolver.resolve(settings({ clientId: 'by-hand' }))).rejects.toMatchObject({
      problem: 'bad_metadata',
    });
    here().on(DISCOVERY, () => metadata());
    expect(await resolver.resolve(settings({ clientId: 'by-hand' }))).toMatchObject({
      tokenEndpointAuthMethod: 'none',
    });
  });
});

describe('an upstream where this server registers itself (RFC 7591)', () => {
  it('gets what a client has to say, and the initial access token', async () => {
    registersClients({
      client_id_issued_at: 1_760_000_000,
      client_secret_expires_at: 4_000_000_000,
      registration_access_token: 'manage',
      registration_client_uri: `${here().issuer}/register/registered`,
    });
    const client = await resolve({ registration: { initialAccessToken: 'let-me-in' } });
    const [asked] = here().requests.filter(({ path }) => path === '/register');
    expect(asked?.headers).toMatchObject({ authorization: 'Bearer let-me-in', 'content-type': 'application/json' });
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      client_name: 'Codex Gateways',
      redirect_uris: [`${OWN_ISSUER}/oauth/callback`],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'openid email',
    });
    expect(client).toEqual({
      clientId: 'registered',
      clientSecret: 'hunter2-secret',
      authorizationEndpoint: `${here().issuer}/authorize`,
      tokenEndpoint: `${here().issuer}/token`,
      registrationAccessToken: 'manage',
      registrationClientUri: `${here().issuer}/register/registered`,
      tokenEndpointAuthMethod: 'client_secret_basic',
      redirectUri: `${OWN_ISSUER}/oauth/callback`,
      clientIdIssuedAt: new Date(1_760_000_000_000),
      clientSecretExpiresAt: new Date(4_000_000_000_000),
      createdAt: expect.any(Date),
      issuer: here().issuer,
      jwksUri: `${here().issuer}/jwks`,
      userinfoEndpoint: `${here().issuer}/me`,
    });
  });

  it.each([
    [['private_key_jwt', 'client_secret_post'], ['S256'], 'client_secret_post'],
    [undefined, undefined, 'client_secret_basic'],
    [['none'], ['S256'], 'none'],
  ])('with %j and PKCE %j is asked for %s', async (methods, challenges, expected) => {
    const more = {
      token_endpoint_auth_methods_supported: methods,
      code_challenge_methods_supported: challenges,
      grant_types_supported: ['authorization_code'],
    };
    registersClients(expected === 'none' ? { client_secret: undefined } : {}, more);
    const client = await resolve();
    expect(client.tokenEndpointAuthMethod).toBe(expected);
    expect(client.clientSecret === undefined).toBe(expected === 'none');
    expect(JSON.parse(here().requests.at(-1)?.body ?? '')).toMatchObject({
      token_endpoint_auth_method: expected,
      grant_types: ['authorization_code'],
    });
  });

  it.each([
    [['none'], ['plain']],
    [['none'], undefined],
    [['private_key_jwt', 'tls_client_auth'], ['S256']],
  ])('with %j and PKCE %j is not used', async (methods, challenges) => {
    registersClients(
      {},
      { token_endpoint_auth_methods_supported: methods, code_challenge_methods_supported: challenges },
    );
    await expect(resolve()).rejects.toMatchObject({ name: 'UpstreamRegistrationError', problem: 'unsupported' });
    expect(registrations()).toBe(0);
  });

  it('is a problem of the configuration when nothing says where', async () => {
    await expect(resolve({ issuer: undefined })).rejects.toMatchObject({ problem: 'not_configured' });
    registersClients({}, { registration_endpoint: undefined });
    await expect(resolve()).rejects.toMatchObject({ problem: 'unsupported' });
  });

  it('may have every address from the configuration', async () => {
    here().on('POST /elsewhere', () => ({ client_id: 'registered', client_secret: 'secret' }));
    const { issuer } = here();
    const client = await resolve({
      issuer: undefined,
      authorizationEndpoint: `${issuer}/a`,
      tokenEndpoint: `${issuer}/t`,
      registration: { registrationEndpoint: `${issuer}/elsewhere` },
    });
    expect(client).toMatchObject({ clientId: 'registered', authorizationEndpoint: `${issuer}/a`, issuer: undefined });
    expect(here().requests.map(({ path }) => path)).toEqual(['/elsewhere']);
  });
});

describe('metadata', () => {
  it('is found in the form of OpenID Connect, of RFC 8414, and below an issuer with a path', async () => {
    const issuer = `${here().issuer}/tenant`;
    const paths = [
      '/tenant/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/tenant',
      '/.well-known/openid-configuration/tenant',
    ] as const;
    for (const path of paths) {
      here().reset();
      here().on(`GET ${path}`, () => metadata({ issuer }));
      expect(await resolve({ issuer, clientId: 'by-hand' })).toMatchObject({
        tokenEndpoint: `${here().issuer}/token`,
      });
    }
  });

  it.each<[string, () => Record<string, unknown> | undefined]>([
    ['another issuer', () => metadata({ issuer: 'https://id.example' })],
    ['an issuer with a slash more', () => metadata({ issuer: `${here().issuer}/` })],
    ['no issuer', () => metadata({ issuer: undefined })],
    ['no token endpoint', () => metadata({ token_endpoint: undefined })],
    ['an endpoint in the clear', () => metadata({ token_endpoint: 'http://id.example/token' })],
    ['an endpoint that is no URL', () => metadata({ jwks_uri: 'jwks' })],
    ['an endpoint with a password', () => metadata({ token_endpoint: 'https://a:b@id.example/token' })],
    ['an endpoint of another type', () => metadata({ token_endpoint: ['https://id.example/token'] })],
    ['methods of another type', () => metadata({ token_endpoint_auth_methods_supported: 'none' })],
  ])('with %s is not used (RFC 8414 §3.3)', async (_, document) => {
    here().on(DISCOVERY, document);
    await expect(resolve()).rejects.toMatchObject({ problem: 'bad_metadata' });
    expect(registrations()).toBe(0);
  });

  it('of an upstream that is not here may not name an address that is', () => {
    expect(mayBeNamedBy('https://id.example', 'http://127.0.0.1:8081/register')).toBe(false);
    expect(mayBeNamedBy('https://id.example', 'https://id2.example/register')).toBe(true);
    expect(mayBeNamedBy('http://localhost:3000', 'http://127.0.0.1:8081/register')).toBe(true);
  });

  it('is not asked for in the clear, nor where a redirect leads', async () => {
    await expect(resolve({ issuer: 'http://id.example' })).rejects.toMatchObject({ problem: 'not_configured' });
    here().on('GET /real', () => metadata());
    here().on(DISCOVERY, (_req, res) => void res.writeHead(302, { location: '/real' }).end());
    await expect(resolve()).rejects.toMatchObject({ problem: 'bad_metadata' });
    expect(here().requests.map(({ path }) => path)).not.toContain('/real');
  });
});
