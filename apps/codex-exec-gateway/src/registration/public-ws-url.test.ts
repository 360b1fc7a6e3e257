import { publicWsUrl } from './public-ws-url.ts';

describe('the address that is given to callers', () => {
  it.each([
    ['localhost:8083', undefined, 'ws://localhost:8083'],
    ['exec.example.test', 'https', 'wss://exec.example.test'],
    ['exec.example.test', 'HTTPS, http', 'wss://exec.example.test'],
    ['[::1]:8083', 'http', 'ws://[::1]:8083'],
    ['10.0.0.7:80', 'gopher', 'ws://10.0.0.7:80'],
    ['codex_exec_gateway:8083', undefined, 'ws://codex_exec_gateway:8083'],
  ])('is for Host %s and X-Forwarded-Proto %s: %s', (host, proto, expected) => {
    expect(publicWsUrl({ host, 'x-forwarded-proto': proto }, undefined)).toBe(expected);
  });

  it.each([
    '',
    'a b',
    'host/path',
    'host?x',
    'user@host',
    'host:port',
    'host:123456',
    'a"b',
    '-',
    `${'a'.repeat(300)}`,
  ])('does not take %s for a host', (host) => {
    expect(publicWsUrl({ host }, undefined)).toBeUndefined();
  });

  it('is the configured one whatever the caller says', () => {
    expect(publicWsUrl({ host: 'evil.example' }, 'wss://exec.example.test/x')).toBe('wss://exec.example.test/x');
  });
});
