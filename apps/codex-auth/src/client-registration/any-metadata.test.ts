import fc from 'fast-check';
import { OAuthError } from '../oauth/oauth-error.ts';
import { parseClientMetadata, REGISTRABLE_GRANTS } from './client-metadata.ts';

const word = fc.constantFrom(
  ...['none', 'client_secret_basic', 'private_key_jwt', 'authorization_code', 'refresh_token', 'code', 'web', 'native'],
  ...['https://client.example/callback', 'http://127.0.0.1/callback', 'javascript:alert(1)', 'openid', 'codex.api'],
  ...['Codex CLI', '__proto__', '', '\0', 'x'.repeat(3000)],
);
const value = fc.oneof(word, fc.array(word, { maxLength: 3 }), fc.jsonValue({ maxDepth: 2 }));
const NAMES = [
  ...['redirect_uris', 'token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'grant_types'],
  ...['response_types', 'client_name', 'client_uri', 'logo_uri', 'scope', 'contacts', 'jwks', 'jwks_uri'],
  ...['application_type', 'software_id', 'software_statement', '__proto__'],
];

describe('client metadata of any kind (RFC 7591 §2)', () => {
  it('makes a client that keeps the policy, or is refused as the RFC refuses', () => {
    const usual = { redirect_uris: ['https://client.example/callback'] };
    const members = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 5, noNullPrototype: true });
    const body = fc.oneof(
      members,
      members.map((more) => ({ ...usual, ...more })),
      fc.jsonValue(),
    );
    let made = 0;
    fc.assert(
      fc.property(body, (sent) => {
        try {
          const client = parseClientMetadata(sent, { isTrusted: false });
          made += 1;
          for (const uri of client.redirectUris) expect(uri).toMatch(/^(https:|http:\/\/127\.0\.0\.1)/);
          expect(REGISTRABLE_GRANTS).toEqual(expect.arrayContaining([...client.grantTypes]));
          expect(client.scope.split(' ')).not.toContain('codex.api');
        } catch (error) {
          expect(error).toBeInstanceOf(OAuthError);
          expect((error as OAuthError).code).toMatch(/^invalid_(client_metadata|redirect_uri)$/);
        }
      }),
      { numRuns: 1500 },
    );
    expect(made).toBeGreaterThan(20);
  });
});
