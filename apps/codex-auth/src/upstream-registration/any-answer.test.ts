import fc from 'fast-check';
import { isLoopbackHttp, isSecureUrl } from '../upstream/secure-url.ts';
import { readRegistration } from './client-registration-answer.ts';
import { readMetadata } from './upstream-metadata.ts';
import { UpstreamRegistrationError } from './upstream-registration-error.ts';

const ISSUER = 'https://id.example';
const NOW = new Date('2026-01-01T00:00:00Z');
/** A secret that no message may repeat. */
const SECRET = 'hunter2';
const word = fc.constantFrom(
  ...[
    '',
    ' ',
    'c',
    's\r\nx: y',
    '\0',
    '\u00e9',
    '__proto__',
    'none',
    'client_secret_basic',
    'client_secret_post',
    'private_key_jwt',
  ],
  ...[
    'S256',
    'https://id.example/r',
    'http://127.0.0.1:1/r',
    'http://id.example/r',
    'javascript:alert(1)',
    'x'.repeat(9000),
  ],
  ...['https://here.example/callback', ISSUER, `${ISSUER}/`],
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 1e17, 2 ** 53, NOW.getTime() / 1000));
const value = fc.oneof(
  word,
  number,
  fc.constant(null),
  fc.array(word, { maxLength: 3 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const advertised = fc.option(
  fc.record({ tokenEndpointAuthMethods: fc.array(word, { maxLength: 3 }), hasS256: fc.boolean() }),
  { nil: undefined },
);

describe('any answer of a registration endpoint (RFC 7591 §3.2)', () => {
  const NAMES = [
    ...['client_id', 'client_secret', 'client_id_issued_at', 'client_secret_expires_at', 'registration_access_token'],
    ...['registration_client_uri', 'token_endpoint_auth_method', 'redirect_uris', 'error', '__proto__'],
  ];
  const members = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 4, noNullPrototype: true });
  const json = fc.oneof(
    members.map((more) => ({ client_id: 'c', client_secret: SECRET, ...more })),
    members,
    fc.jsonValue(),
    fc.constant(undefined),
  );
  const status = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(200, 201) },
    { weight: 1, arbitrary: fc.integer({ min: 100, max: 599 }) },
  );

  it('is a client that this server can use, or a refusal in words that repeat no secret', () => {
    let clients = 0;
    fc.assert(
      fc.property(fc.record({ status, json }), advertised, (answer, methods) => {
        const request = {
          ...{ upstream: 'corp', issuer: ISSUER, redirectUri: 'https://here.example/callback', now: NOW },
          ...{ tokenEndpointAuthMethod: 'client_secret_basic' as const, advertised: methods },
        };
        try {
          const client = readRegistration(answer, request);
          clients += 1;
          expect(client.clientId).toMatch(/^[\x20-\x7e]{1,2048}$/);
          expect(client.clientSecret ?? 'none').toMatch(/^[\x20-\x7e]{1,4096}$/);
          expect(client.clientSecret === undefined).toBe(client.tokenEndpointAuthMethod === 'none');
          expect(client.clientSecretExpiresAt?.getTime() ?? Infinity).toBeGreaterThan(NOW.getTime());
          expect(client.clientIdIssuedAt?.getTime() ?? 0).not.toBeNaN();
          const { registrationClientUri: uri = ISSUER } = client;
          expect(isSecureUrl(uri) && !isLoopbackHttp(uri)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UpstreamRegistrationError);
          expect((error as UpstreamRegistrationError).message).toMatch(/^upstream corp: the registration endpoint /);
          expect((error as UpstreamRegistrationError).message).not.toContain(SECRET);
        }
      }),
      { numRuns: 1000 },
    );
    expect(clients).toBeGreaterThan(20);
  });
});

describe('any metadata document (RFC 8414 §2)', () => {
  const URLS = ['authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'jwks_uri', 'userinfo_endpoint'];
  const LISTS = [
    ...['token_endpoint_auth_methods_supported', 'code_challenge_methods_supported', 'grant_types_supported'],
  ];
  const members = fc.dictionary(fc.constantFrom('issuer', ...URLS, ...LISTS, '__proto__'), value, {
    maxKeys: 4,
    noNullPrototype: true,
  });
  const json = fc.oneof(
    members.map((more) => ({ issuer: ISSUER, ...more })),
    fc.jsonValue(),
    fc.constant(undefined),
  );

  it('is of the issuer that was asked and names nothing that may not be asked, or says what is wrong', () => {
    let read = 0;
    fc.assert(
      fc.property(json, (document) => {
        const metadata = readMetadata(ISSUER, document);
        if (typeof metadata === 'string') {
          expect(metadata).toMatch(/^(is not JSON|has no usable |is of the issuer |names a )[\x20-\x7e]*$/);
          return;
        }
        read += 1;
        expect(metadata.issuer).toBe(ISSUER);
        const { authorizationEndpoint, tokenEndpoint, registrationEndpoint, jwksUri } = metadata;
        for (const url of [authorizationEndpoint, tokenEndpoint, registrationEndpoint, jwksUri]) {
          expect(url === undefined || (isSecureUrl(url) && !isLoopbackHttp(url))).toBe(true);
        }
      }),
      { numRuns: 800 },
    );
    expect(read).toBeGreaterThan(20);
  });
});
