import { sha256 } from '@codex-gateways/crypto';
import { HttpError } from '@codex-gateways/service';
import fc from 'fast-check';
import { parseAuthorizationRequest, parseTarget } from './authorization-request.ts';
import { ClientAuthentication } from './client-authentication.ts';
import type { OAuthClient } from './clients.ts';
import { OAuthError } from './oauth-error.ts';
import { parametersIn } from './parameters.ts';

const SECRET = 'the secret of the confidential client';
const CLIENT: OAuthClient = {
  clientId: 'c1',
  clientName: 'A client',
  tokenEndpointAuthMethod: 'client_secret_basic',
  clientSecretDigest: sha256(SECRET),
  redirectUris: ['https://client.example/callback'],
  grantTypes: ['authorization_code'],
  scope: 'openid email offline_access',
};
const clients = { find: async (clientId: string) => (clientId === CLIENT.clientId ? CLIENT : undefined) };
const anyText = fc.string({ unit: 'binary', maxLength: 60 });

describe('any body whatever', () => {
  it('is parameters of text, or refused as OAuth refuses', () => {
    const body = fc.oneof(anyText, fc.jsonValue(), fc.constantFrom(undefined, '__proto__=1', '__proto__[a]=1'));
    fc.assert(
      fc.property(body, (sent) => {
        try {
          for (const [, value] of parametersIn(sent)) expect(value).toMatch(/^[^\0]+$/);
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('means the same as a form and as JSON', () => {
    const value = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'));
    const parameters = fc.dictionary(fc.string({ unit: 'grapheme' }), value, { noNullPrototype: true });
    fc.assert(
      fc.property(parameters, (sent) => {
        const expected = new Map(Object.entries(sent).filter(([, text]) => text !== ''));
        expect(parametersIn(new URLSearchParams(sent).toString())).toEqual(expected);
        expect(parametersIn(sent)).toEqual(expected);
      }),
    );
  });
});

describe('any authorization request whatever', () => {
  const value = fc.oneof(
    anyText,
    fc.constantFrom('c1', 'code', 'S256', 'a'.repeat(43), 'openid', 'none', 'login none', 'query', '9'.repeat(10)),
    fc.constantFrom('https://client.example/callback', 'https://client.example/callback/', 'https://client.example'),
  );
  const name = fc.constantFrom(
    ...'client_id redirect_uri state response_type response_mode code_challenge code_challenge_method'.split(' '),
    ...'scope nonce prompt max_age login_hint request request_uri'.split(' '),
  );
  const good = {
    ...{ client_id: 'c1', redirect_uri: 'https://client.example/callback', response_type: 'code' },
    ...{ code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' },
  };
  const query = fc
    .tuple(fc.constantFrom({}, good), fc.array(fc.tuple(name, value), { maxLength: 6 }))
    .map(([base, pairs]) => new URLSearchParams([...Object.entries<string>(base), ...pairs]));

  it('is answered at a registered address alone, and asks for a code with S256 or is refused', async () => {
    await fc.assert(
      fc.asyncProperty(query, async (sent) => {
        const target = await parseTarget(sent, clients).catch((error: unknown) => error);
        if (target instanceof HttpError) {
          expect(target.status).toBe(400);
          return;
        }
        const checked = target as Awaited<ReturnType<typeof parseTarget>>;
        expect(checked).toMatchObject({ client: CLIENT, redirectUri: 'https://client.example/callback' });
        try {
          const request = parseAuthorizationRequest(sent, checked);
          expect(request.codeChallenge).toMatch(/^[\w-]{43}$/);
          expect(CLIENT.scope.split(' ')).toEqual(expect.arrayContaining(request.scope.split(' ').filter(Boolean)));
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('any client authentication whatever', () => {
  const authentication = new ClientAuthentication({ clients, assertions: { refusalOf: async () => 'no' } });
  const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  const secret = fc.oneof(anyText, fc.constantFrom(SECRET.slice(1), `${SECRET} `, '', '%'));
  const header = fc.oneof(
    fc.constant(undefined),
    anyText,
    fc.base64String().map((text) => `Basic ${text}`),
    fc.tuple(fc.constantFrom('c1', 'c2', ''), secret).map(([id, text]) => basic(id, text)),
  );
  const names = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];
  const parameters = fc
    .dictionary(fc.constantFrom(...names), fc.oneof(fc.constantFrom('c1', SECRET), anyText))
    .map((members) => new Map(Object.entries(members).filter(([, text]) => text !== '')));

  it('is refused as OAuth refuses, unless it is the right secret in the way that is registered', async () => {
    const right = { headers: { authorization: basic('c1', encodeURIComponent(SECRET)) } };
    expect(await authentication.authenticate(right, new Map())).toBe(CLIENT);
    await fc.assert(
      fc.asyncProperty(header, parameters, async (authorization, sent) => {
        const outcome = authentication.authenticate({ headers: { authorization } }, sent);
        await expect(outcome).rejects.toBeInstanceOf(OAuthError);
      }),
      { numRuns: 500 },
    );
  });
});
