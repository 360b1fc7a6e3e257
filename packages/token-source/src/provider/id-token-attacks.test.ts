import { useCleanup } from '@codex-gateways/testing';
import { signWithAnotherKey, signWithPublicKeyAsSecret } from '@codex-gateways/testing/id-token';
import { Person } from '../../test/person.ts';
import { type Lies, RogueProvider } from '../../test/rogue-provider.ts';
import { OAuthTokenSource } from '../oauth-token-source.ts';
import type { TokenSourceOptions } from '../options.ts';
import { MemorySecrets } from '../secrets/memory-secrets.ts';

const nowSeconds = () => Math.floor(Date.now() / 1000);

describe('a provider that lies', () => {
  const cleanup = useCleanup();
  let provider: RogueProvider;
  beforeAll(async () => {
    provider = await RogueProvider.start();
    cleanup.after(() => provider.close());
  });

  async function signIn(lies: Lies, options: Partial<TokenSourceOptions> = {}) {
    provider.lies = lies;
    let page: Promise<{ status: number; text: string }> | undefined;
    const secrets = new MemorySecrets();
    const source = new OAuthTokenSource({
      oidc: { issuer: provider.issuer, clientId: 'script', scopes: ['openid'], callbackPort: 0 },
      secrets,
      secretKey: () => 'KEY',
      interactive: true,
      openUrl: async (url) => {
        page = new Person().signIn(url);
      },
      requestTimeoutMs: 120_000,
      loginTimeoutMs: 120_000,
      ...options,
    });
    const outcome = await source.token().catch((error: unknown) => error);
    return { outcome, status: (await page)?.status, stored: await secrets.get('KEY') };
  }

  it('is believed while it tells the truth (so that the refusals below mean something)', async () => {
    expect(await signIn({})).toEqual({ outcome: 'rogue-access', status: 200, stored: 'rogue-refresh' });
  });

  it.each<[string, () => Lies]>([
    ['of another issuer', () => ({ claims: { iss: 'https://issuer.example' } })],
    ['for another audience', () => ({ claims: { aud: 'another-client' } })],
    ['for several audiences, presented by another party', () => ({ claims: { aud: ['script', 'x'], azp: 'x' } })],
    ['with the nonce of another login', () => ({ claims: { nonce: 'another' } })],
    ['without a nonce', () => ({ claims: { nonce: undefined } })],
    ['that has expired', () => ({ claims: { exp: nowSeconds() - 120, iat: nowSeconds() - 420 } })],
    ['that begins in the future', () => ({ claims: { nbf: nowSeconds() + 600 } })],
    ['without an expiry', () => ({ claims: { exp: undefined } })],
    ['signed with another key', () => ({ signature: signWithAnotherKey })],
    ['with an empty signature', () => ({ signature: () => '' })],
    ['of alg none', () => ({ header: { alg: 'none' }, signature: () => '' })],
    [
      'of alg HS256 with the public key as its secret',
      () => ({ header: { alg: 'HS256' }, signature: signWithPublicKeyAsSecret }),
    ],
    ['signed with a key it does not publish', () => ({ header: { kid: 'unknown' } })],
    ['with critical extensions that nobody here knows', () => ({ header: { crit: ['b64'], b64: false } })],
  ])('is refused an ID token %s', async (_, lies) => {
    const { outcome, status, stored } = await signIn(lies());
    expect(outcome).toMatchObject({ code: 'provider_invalid', message: expect.stringContaining('not acceptable') });
    expect({ status, stored }).toEqual({ status: 400, stored: undefined });
  });

  it.each<[string, Lies]>([
    ['another issuer (mix-up, RFC 9207)', { callback: { iss: 'https://issuer.example' } }],
    ['an empty issuer', { callback: { iss: '' } }],
  ])('is refused a callback in the name of %s', async (_, lies) => {
    provider.paths.length = 0;
    const { outcome, status, stored } = await signIn(lies);
    expect(outcome).toMatchObject({ code: 'provider_invalid' });
    expect({ status, stored }).toEqual({ status: 400, stored: undefined });
    expect(provider.paths).not.toContain('/token'); // the code was not shown to anyone
  });

  it('is refused metadata of another issuer', async () => {
    const { outcome } = await signIn({ metadata: { issuer: 'https://issuer.example' } });
    expect(outcome).toMatchObject({ code: 'provider_invalid' });
  });

  it('is not followed to an endpoint without TLS on another machine', async () => {
    const { outcome } = await signIn({ metadata: { token_endpoint: 'http://192.0.2.1/token' } });
    expect(outcome).toMatchObject({ code: 'provider_invalid', message: expect.stringContaining('not an https URL') });
  });

  it('is not followed through a redirect of its token endpoint', async () => {
    const { outcome } = await signIn({
      answer: (request, response) => {
        if (request.url !== '/token') return undefined;
        response.writeHead(307, { Location: `${provider.issuer}/elsewhere` }).end();
        return true;
      },
    });
    expect(outcome).toMatchObject({ code: 'provider_invalid' });
    expect(provider.paths).not.toContain('/elsewhere');
  });

  it('is cut off when its answer is longer than any honest one', async () => {
    const { outcome } = await signIn({
      answer: (request, response) => {
        if (request.url !== '/token') return undefined;
        response.setHeader('Content-Type', 'application/json').end(`{"access_token":"${'x'.repeat(1_100_000)}"}`);
        return true;
      },
    });
    expect(outcome).toMatchObject({ code: 'provider_unreachable', message: expect.stringContaining('longer than') });
  });

  it('is given up on when it keeps the connection open and says nothing', async () => {
    const answer: Lies['answer'] = (request) => (request.url === '/token' ? true : undefined);
    const { outcome } = await signIn({ answer }, { requestTimeoutMs: 100 });
    expect(outcome).toMatchObject({
      code: 'provider_unreachable',
      message: expect.stringContaining('no answer in time'),
    });
  });

  it.each([
    ['{"error":"access_denied","error_description":"no \\u001b[31mway\\u0007"}', 'no  [31mway  (access_denied)'],
    ['{"error":{"code":"account_disabled","message":"ask the admin"}}', 'ask the admin (account_disabled)'],
  ])('is quoted in words, without its control characters: %s', async (body, words) => {
    const { outcome } = await signIn({
      answer: (request, response) => {
        if (request.url !== '/token') return undefined;
        response.writeHead(403, { 'Content-Type': 'application/json', 'X-Request-Id': 'req_7' }).end(body);
        return true;
      },
    });
    expect(outcome).toMatchObject({
      code: 'login_refused',
      message: `the sign-in failed: ${words}`,
      requestId: 'req_7',
    });
  });

  it.each([
    ['is http on another machine', 'http://issuer.example'],
    ['is no URL', 'issuer.example'],
    ['has another scheme', 'ftp://127.0.0.1'],
    ['only looks like loopback', 'http://127.0.0.1.example'],
  ])('is not asked when its address %s', async (_, issuer) => {
    const { outcome } = await signIn({}, { oidc: { issuer, clientId: 'script', scopes: [], callbackPort: 0 } });
    expect(outcome).toMatchObject({ code: 'provider_invalid', message: expect.stringContaining('not an https URL') });
  });
});
