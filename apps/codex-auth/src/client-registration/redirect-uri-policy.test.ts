import fc from 'fast-check';
import { redirectUriProblem } from './redirect-uri-policy.ts';

describe('redirect URIs that a client may register (RFC 8252 §7, RFC 9700 §4.1)', () => {
  it.each([
    'https://client.example/callback',
    'https://client.example',
    'https://client.example:8443/cb?tenant=1',
    'https://xn--bcher-kva.example/cb',
    'http://127.0.0.1/callback',
    'http://127.0.0.1:1455/auth/callback',
    'http://127.0.0.1:80/cb',
    'http://[::1]:7000/cb',
    'http://localhost:8000/cb',
    'com.example.app:/callback',
    'com.example.app://callback',
    'com.example.app:///callback',
  ])('may be %s', (uri) => {
    expect(redirectUriProblem(uri, undefined)).toBeUndefined();
    expect(redirectUriProblem(uri, 'native')).toBeUndefined();
  });

  it.each([
    '',
    '/callback',
    '//client.example/cb',
    'client.example/cb',
    'http://client.example/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://127.0.0.1@evil.example/cb',
    'http://127.0.0.1:80@evil.example/cb',
    'http://localhost.evil.example/cb',
    'http://localhost.:80/cb',
    'http://127.0.0.2/cb',
    'http://127.1/cb',
    'http://2130706433/cb',
    'http://0x7f.0.0.1/cb',
    'http://[::ffff:127.0.0.1]/cb',
    'http://0.0.0.0/cb',
    'http://10.0.0.1/cb',
    'https://client.example/cb#',
    'https://client.example/cb#x',
    'https://*.client.example/cb',
    'https://client.example/*',
    'https://user@client.example/cb',
    'https://user:pw@client.example/cb',
    'https://@client.example/cb',
    'https://client.example@evil.example/cb',
    'https://client.example%40evil.example/cb',
    'https://CLIENT.example/cb',
    'HTTPS://client.example/cb',
    'https:client.example/cb',
    'https:/client.example/cb',
    'https:///client.example/cb',
    'https:\\\\client.example\\cb',
    'https://client.example\\@evil.example/cb',
    'https://client.example:443/cb',
    'https://client.example/a/../cb',
    'https://client.example/a/%2e%2e/cb',
    'https://client.example/./cb',
    'https://client.example/cb\n',
    'https://client.example/c b',
    'https://client.example/cb\0',
    'https://client.example/%zz',
    'https://bücher.example/cb',
    'https://client.example/\u202ecb',
    'https://0x7f.1/cb',
    `https://client.example/${'a'.repeat(2000)}`,
    'javascript:alert(1)',
    'javascript://client.example/%0aalert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://client.example/x',
    'about:blank',
    'ftp://client.example/cb',
    'ws://client.example/cb',
    'myapp:/callback',
    'myapp://callback',
    'com.example.app:callback',
    'com.example.app://user@callback',
    '.example:/cb',
    'com..example:/cb',
    'urn:ietf:wg:oauth:2.0:oob',
  ])('may not be %j', (uri) => {
    expect(redirectUriProblem(uri, undefined)).toEqual(expect.any(String));
    expect(redirectUriProblem(uri, 'native')).toEqual(expect.any(String));
  });

  it('must be https for an application that says it runs on a server', () => {
    expect(redirectUriProblem('https://client.example/cb', 'web')).toBeUndefined();
    for (const uri of ['http://127.0.0.1/cb', 'http://localhost/cb', 'com.example.app:/cb']) {
      expect(redirectUriProblem(uri, 'web')).toBe('must be https for a web application');
    }
  });

  it('lead where their text says, whatever is accepted', () => {
    const part = fc.constantFrom(
      ...[
        'https:',
        'http:',
        'com.a.b:',
        '/',
        '//',
        '@',
        ':',
        '%40',
        '\\',
        '.',
        '..',
        'localhost',
        '127.0.0.1',
        '[::1]',
        '?',
        '#',
        '*',
      ],
      ...['evil.example', 'a', '80', '443', '0x7f', '%2f', '\t', '\0', 'A'],
    );
    const uri = fc.oneof(
      fc.webUrl(),
      fc.array(part, { maxLength: 9 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(uri, (text) => {
        if (redirectUriProblem(text, undefined) !== undefined) return;
        const { protocol, hostname, username, hash } = new URL(text);
        const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
        expect(protocol === 'https:' || (protocol === 'http:' && isLoopback) || protocol.includes('.')).toBe(true);
        expect([username, hash]).toEqual(['', '']);
        expect(text.startsWith(`${protocol}//${hostname}`) || protocol.includes('.')).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
