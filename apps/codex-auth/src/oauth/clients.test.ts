import { isRedirectUriOf, type OAuthClient } from './clients.ts';
import { BUILT_IN_CLIENT_ID } from './scopes.ts';

function clientWith(clientId: string, ...redirectUris: string[]): OAuthClient {
  return {
    clientId,
    clientName: 'Test',
    tokenEndpointAuthMethod: 'none',
    clientSecretDigest: undefined,
    redirectUris,
    grantTypes: ['authorization_code'],
    scope: 'openid',
  };
}

const cli = clientWith(BUILT_IN_CLIENT_ID);

describe("redirect URIs of the CLI's built-in client (RFC 8252 §7.3)", () => {
  it.each([
    'http://localhost:1455/auth/callback',
    'http://127.0.0.1:1457/auth/callback',
    'http://127.0.0.1:1/auth/callback',
    'http://localhost:65535/auth/callback',
  ])('accepts %s', (uri) => {
    expect(isRedirectUriOf(cli, uri)).toBe(true);
  });

  it.each([
    'https://localhost:1455/auth/callback',
    'http://localhost/auth/callback',
    'http://localhost:/auth/callback',
    'http://localhost:0/auth/callback',
    'http://localhost:01455/auth/callback',
    'http://localhost:65536/auth/callback',
    'http://localhost:999999/auth/callback',
    'http://localhost:1455/auth/callback/',
    'http://localhost:1455/auth/callback?x=1',
    'http://localhost:1455/auth/callback#x',
    'http://localhost:1455/auth/callback%00',
    'http://localhost:1455/auth/callback\n',
    'http://localhost:1455/auth/../evil',
    'http://localhost:1455//auth/callback',
    'http://localhost:1455/auth/%63allback',
    'http://localhost:1455/evil',
    'http://localhost:1455',
    'http://user@localhost:1455/auth/callback',
    'http://localhost:1455@evil.example/auth/callback',
    'http://evil.example#@localhost:1455/auth/callback',
    'http://evil.example\\@localhost:1455/auth/callback',
    'http://localhost.evil.example:1455/auth/callback',
    'http://localhost.:1455/auth/callback',
    'http://LOCALHOST:1455/auth/callback',
    'http://127.0.0.2:1455/auth/callback',
    'http://127.1:1455/auth/callback',
    'http://0x7f.0.0.1:1455/auth/callback',
    'http://2130706433:1455/auth/callback',
    'http://[::1]:1455/auth/callback',
    'http://[::ffff:127.0.0.1]:1455/auth/callback',
    'HTTP://localhost:1455/auth/callback',
    ' http://localhost:1455/auth/callback',
    'javascript:alert(1)//localhost:1455/auth/callback',
    '//localhost:1455/auth/callback',
    '',
  ])('refuses %j', (uri) => {
    expect(isRedirectUriOf(cli, uri)).toBe(false);
  });
});

describe('redirect URIs of registered clients (RFC 9700 §2.1)', () => {
  it('accepts what is registered, to the letter', () => {
    const client = clientWith('c', 'https://a.example/cb?x=1', 'com.example.app:/cb');
    expect(isRedirectUriOf(client, 'https://a.example/cb?x=1')).toBe(true);
    expect(isRedirectUriOf(client, 'com.example.app:/cb')).toBe(true);
    const others = [
      'https://a.example/cb',
      'https://a.example/cb?x=1&y=2',
      'https://A.example/cb?x=1',
      'https://a.example:443/cb?x=1',
      'https://a.example/cb/?x=1',
      'https://a.example.evil.example/cb?x=1',
      'com.example.app:/cb2',
    ];
    for (const uri of others) expect({ uri, accepted: isRedirectUriOf(client, uri) }).toEqual({ uri, accepted: false });
  });

  it('leaves the port of a loopback address to the client, and nothing else', () => {
    const client = clientWith('c', 'http://127.0.0.1/cb', 'http://[::1]:7000/cb?x=1', 'http://localhost:8000/cb');
    for (const uri of ['http://127.0.0.1:1234/cb', 'http://[::1]:9/cb?x=1', 'http://localhost/cb']) {
      expect({ uri, accepted: isRedirectUriOf(client, uri) }).toEqual({ uri, accepted: true });
    }
    for (const uri of [
      'http://127.0.0.1:1234/other',
      'http://127.0.0.1:70000/cb',
      'http://[::1]:9/cb',
      'https://127.0.0.1:1234/cb',
      'http://127.0.0.1:1234@evil.example/cb',
      'http://127.0.0.1.evil.example/cb',
    ]) {
      expect({ uri, accepted: isRedirectUriOf(client, uri) }).toEqual({ uri, accepted: false });
    }
  });

  it('does not leave the port of any other host to the client', () => {
    expect(isRedirectUriOf(clientWith('c', 'https://a.example/cb'), 'https://a.example:8443/cb')).toBe(false);
  });
});
