import fc from 'fast-check';
import { buildAuthorizationUrl } from 'openid-client';
import { parseUpstreams } from './parse-upstreams.ts';
import { configurationOf } from './provider-metadata.ts';
import { isSecureUrl } from './secure-url.ts';
import type { UpstreamConfig } from './upstream-config.ts';
import { toUpstreamError, UpstreamError } from './upstream-error.ts';

const ISSUER = 'https://auth.example/codex-auth';
/** A value that no message may repeat. */
const CANARY = 'hunter2';
const secrets = {
  variable: (name: string) => (name === 'SECRET' ? CANARY : undefined),
  file(path: string) {
    if (path === '/secret') return `${CANARY}\n`;
    throw new Error(`ENOENT ${path}`);
  },
};
const OIDC = { name: 'corp', type: 'oidc', issuer: 'https://id.example', client_id: 'codex', allow_anyone: true };
const OAUTH2 = {
  ...{ name: 'forge', type: 'oauth2', userinfo_endpoint: 'https://forge.example/me', allow_anyone: true },
  ...{ authorization_endpoint: 'https://forge.example/authorize', token_endpoint: 'https://forge.example/token' },
};
const word = fc.constantFrom(
  ...[
    CANARY,
    '',
    ' ',
    '\0',
    '\ud800',
    '__proto__',
    'constructor',
    'corp',
    'none',
    'client_secret_post',
    'openid',
    'sub',
    'a.b',
  ],
  ...['SECRET', 'NOT_SET', '/secret', '/none', 'example.com', 'state', 'x'.repeat(5000)],
  ...[
    'https://id.example',
    'http://127.0.0.1:1',
    'http://id.example',
    'https://u:p@id.example',
    'javascript:alert(1)',
    'https://',
  ],
  ...[`${ISSUER}/oauth/callback`, `${ISSUER}/oauth/callback/corp`, `${ISSUER}/oauth/callback/other`],
);
const value = fc.oneof(
  word,
  fc.constantFrom(true, false, null, 0),
  fc.array(word, { maxLength: 3 }),
  fc.dictionary(
    word.filter((text) => text !== CANARY),
    word,
    { maxKeys: 3, noNullPrototype: true },
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const NAMES = [
  ...[
    'name',
    'type',
    'issuer',
    'display_name',
    'client_id',
    'client_secret_env',
    'client_secret_file',
    'redirect_uri',
    'scopes',
  ],
  ...[
    'token_endpoint_auth_method',
    'authorization_parameters',
    'assume_email_verified',
    'allowed_email_domains',
    'claims',
  ],
  ...[
    'allowed_groups',
    'allow_anyone',
    'registration',
    'userinfo',
    'userinfo_endpoint',
    'token_endpoint',
    '__proto__',
    'other',
  ],
];
const members = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 2, noNullPrototype: true });
const entry = fc.oneof(
  members.map((more) => ({ ...OIDC, ...more })),
  members.map((more) => ({ ...OAUTH2, ...more })),
  members,
);
const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(entry, { maxLength: 2 }).map((entries) => JSON.stringify(entries)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);

/** What no configuration may ever let through. */
function expectSafe(upstream: UpstreamConfig): void {
  const { admission, redirectUri, clientId, registration, authorizationParameters } = upstream;
  const endpoints =
    upstream.type === 'oidc'
      ? [upstream.issuer]
      : [upstream.issuer, upstream.authorizationEndpoint, upstream.tokenEndpoint, upstream.userinfoEndpoint];
  for (const url of [...endpoints, registration?.registrationEndpoint])
    expect(url === undefined || isSecureUrl(url)).toBe(true);
  expect(redirectUri.startsWith(`${ISSUER}/oauth/callback`)).toBe(true);
  expect(admission.anyone).toBe(admission.emailDomains.length + admission.groups.length === 0);
  expect(clientId === undefined).toBe(registration !== undefined);
  expect(Object.keys(authorizationParameters)).not.toContain('state');
  if (upstream.type === 'oidc') expect(upstream.scopes).toContain('openid');
}

describe('any configuration of upstreams', () => {
  it('is read into upstreams that are safe, or refused in words that repeat no value', () => {
    let read = 0;
    fc.assert(
      fc.property(text, (configured) => {
        let upstreams: readonly UpstreamConfig[];
        try {
          upstreams = parseUpstreams(configured, { issuer: ISSUER, secrets });
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          expect((error as TypeError).message).toMatch(/^(must be|is not|has two|entry \d)/);
          expect((error as TypeError).message).not.toContain(CANARY);
          return;
        }
        for (const upstream of upstreams) expectSafe(upstream);
        expect(new Set(upstreams.map(({ name }) => name)).size).toBe(upstreams.length);
        read += upstreams.length;
      }),
      { numRuns: 1000 },
    );
    expect(read).toBeGreaterThan(10);
  });
});

describe('any metadata of a provider', () => {
  const [oidc, oauth2] = parseUpstreams(
    JSON.stringify([OIDC, { ...OAUTH2, issuer: OIDC.issuer, authorization_endpoint: undefined, client_id: 'codex' }]),
    { issuer: ISSUER, secrets },
  );
  const usual = {
    ...{
      issuer: OIDC.issuer,
      authorization_endpoint: 'https://id.example/authorize',
      token_endpoint: 'https://id.example/token',
    },
    ...{ jwks_uri: 'https://id.example/jwks', code_challenge_methods_supported: ['S256'] },
  };
  const name = fc.constantFrom(...Object.keys(usual), 'token_endpoint_auth_methods_supported', '__proto__');
  const changed = fc.dictionary(name, value, { maxKeys: 2, noNullPrototype: true });
  const body = fc.oneof(
    changed.map((more) => JSON.stringify({ ...usual, ...more })),
    fc.json(),
    fc.string({ unit: 'binary' }),
  );
  const status = fc.oneof(
    { weight: 4, arbitrary: fc.constant(200) },
    { weight: 1, arbitrary: fc.constantFrom(201, 302, 400, 404) },
  );
  const type = fc.constantFrom('application/json', 'text/html', '');

  it('leads to a secure address with our request, or the provider is refused', async () => {
    let usable = 0;
    const answer = fc.record({ body, status, type });
    await fc.assert(
      fc.asyncProperty(answer, fc.constantFrom(oidc, oauth2), async (says, upstream) => {
        if (!upstream) throw new TypeError('both are configured');
        const headers = { 'content-type': says.type };
        const fetch = async () => new Response(says.body, { status: says.status, headers });
        const client = {
          clientId: 'codex',
          clientSecret: CANARY,
          tokenEndpointAuthMethod: undefined,
          redirectUri: ISSUER,
        };
        try {
          const configuration = await configurationOf(upstream, { client, fetch });
          const url = buildAuthorizationUrl(configuration, { state: 'of the test' });
          expect(isSecureUrl(url.href)).toBe(true);
          expect(url.protocol).toBe('https:');
          expect(url.searchParams.get('state')).toBe('of the test');
          usable += 1;
        } catch (error) {
          expect(toUpstreamError(upstream.name, error)).toBeInstanceOf(UpstreamError);
        }
      }),
      { numRuns: 400 },
    );
    expect(usable).toBeGreaterThan(10);
  });
});
