import { signWithAnotherKey, signWithPublicKeyAsSecret } from '@codex-gateways/testing/id-token';
import type { Lies } from '../../test/hostile-provider.ts';
import { oidcEntry, useUpstreams } from '../../test/use-upstreams.ts';

const world = useUpstreams(['corp', 'other'], (issuerOf, baseUrl) => [
  oidcEntry('corp', issuerOf('corp')),
  oidcEntry('other', issuerOf('other')),
  oidcEntry('own', issuerOf('other'), { redirect_uri: `${baseUrl}/oauth/callback/own` }),
]);
const nowSeconds = () => Math.floor(Date.now() / 1000);

describe('an ID token of an identity provider (OpenID Connect Core §3.1.3.7)', () => {
  it('is believed while it is right (so that the refusals below mean something)', async () => {
    const { web, answer } = await world.signIn();
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    expect(await world.me(web)).toMatchObject({ email: 'ann@example.com' });
    const [grant] = world.provider().grants('authorization_code');
    expect(grant?.get('code_verifier')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(grant?.get('redirect_uri')).toBe(`${world.auth.url}/oauth/callback`);
  });

  it.each<[string, () => Lies]>([
    ['of another issuer', () => ({ claims: { iss: 'https://issuer.example' } })],
    ['for another audience', () => ({ claims: { aud: 'another-client' } })],
    ['for several audiences, presented by another party', () => ({ claims: { aud: ['codex', 'x'], azp: 'x' } })],
    ['with the nonce of another sign-in', () => ({ claims: { nonce: 'another' } })],
    ['without a nonce', () => ({ claims: { nonce: undefined } })],
    ['that has expired', () => ({ claims: { exp: nowSeconds() - 120, iat: nowSeconds() - 420 } })],
    ['without an expiry', () => ({ claims: { exp: undefined } })],
    ['that begins in the future', () => ({ claims: { nbf: nowSeconds() + 600 } })],
    ['without a subject', () => ({ claims: { sub: undefined } })],
    ['signed with another key', () => ({ signature: signWithAnotherKey })],
    ['with an empty signature', () => ({ signature: () => '' })],
    ['of alg none', () => ({ header: { alg: 'none' }, signature: () => '' })],
    [
      'of alg HS256 with the public key as its secret',
      () => ({ header: { alg: 'HS256' }, signature: signWithPublicKeyAsSecret }),
    ],
    ['signed with a key that is not published', () => ({ header: { kid: 'unknown' } })],
    ['with critical extensions that nobody knows', () => ({ header: { crit: ['b64'], b64: false } })],
    ['that is not there at all', () => ({ token: { id_token: undefined } })],
    ['that is no JWT', () => ({ token: { id_token: 'x.y' } })],
  ])('is refused %s', async (_, lies) => {
    world.provider().lies = lies();
    const { web, answer, text } = await world.signIn();
    expect(answer.status).toBe(502);
    expect(text).toContain('The corp gave an answer that cannot be used');
    expect(web.cookies.has('codex_session')).toBe(false);
    expect(await world.me(web)).toBeUndefined();
  });

  it('of another provider does not do, although its signature and audience are right', async () => {
    world.provider().lies = { claims: { iss: world.provider('other').issuer } };
    expect((await world.signIn()).answer.status).toBe(502);
  });
});

describe('an answer of another provider (mix-up, RFC 9207, RFC 9700 §4.4)', () => {
  it.each<[string, () => Lies]>([
    ['in the name of another issuer', () => ({ callback: { iss: world.provider('other').issuer } })],
    ['in the name of nobody, from a provider that always says who it is', () => ({ callback: { iss: undefined } })],
    ['with an empty issuer', () => ({ callback: { iss: '' } })],
  ])('is refused %s, and the code is shown to nobody', async (_, lies) => {
    world.provider().lies = lies();
    const { web, answer, text } = await world.signIn();
    expect(answer.status).toBe(400);
    expect(text).toContain('not provably its own');
    expect(web.cookies.has('codex_session')).toBe(false);
    for (const name of ['corp', 'other']) expect(world.provider(name).grants('authorization_code')).toEqual([]);
  });

  it('is refused without an issuer where two providers share an address to come back to', async () => {
    const silent = {
      metadata: { authorization_response_iss_parameter_supported: false },
      callback: { iss: undefined },
    };
    world.provider('other').lies = silent;
    world.auth.clock.advance(3601); // metadata are asked for again
    const { answer } = await world.signIn(undefined, '/login/upstream/other');
    expect(answer.status).toBe(400);
    expect(world.provider('other').grants('authorization_code')).toEqual([]);
    world.provider('other').person = { sub: 'ben', email: 'ben@example.com', email_verified: true };
    expect((await world.signIn(undefined, '/login/upstream/own')).answer.status).toBe(303);
    world.auth.clock.advance(3601);
  });

  it.each([
    ['/login/upstream/corp', '/oauth/callback/own'],
    ['/login/upstream/own', '/oauth/callback'],
    ['/login/upstream/own', '/oauth/callback/corp'],
  ])('is refused when it sets out for %s and comes back to %s', async (start, path) => {
    const web = world.newBrowser();
    const back = await world.beThere(web, start);
    const answer = await web.get(path + back.search);
    expect(answer.status).toBe(400);
    expect(web.cookies.has('codex_session')).toBe(false);
    for (const name of ['corp', 'other']) expect(world.provider(name).grants('authorization_code')).toEqual([]);
  });
});

describe('the metadata of a provider', () => {
  it.each<[string, Record<string, unknown>]>([
    ['are of another issuer', { issuer: 'https://issuer.example' }],
    ['have an authorization endpoint without TLS elsewhere', { authorization_endpoint: 'http://192.0.2.1/authorize' }],
    ['have an authorization endpoint that is a script', { authorization_endpoint: 'javascript:alert(1)' }],
  ])('are not used when they %s', async (_, metadata) => {
    world.auth.clock.advance(3601);
    world.provider().lies = { metadata };
    const answer = await world.newBrowser().get('/login/upstream/corp');
    expect([answer.status, answer.headers.get('location')]).toEqual([502, null]);
    world.auth.clock.advance(3601);
  });

  it('do not send the code elsewhere without TLS', async () => {
    world.auth.clock.advance(3601);
    world.provider().lies = { metadata: { token_endpoint: 'http://192.0.2.1/token' } };
    expect((await world.signIn()).answer.status).toBe(502);
    world.auth.clock.advance(3601);
  });
});
