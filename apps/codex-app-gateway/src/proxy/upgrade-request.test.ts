import type { IncomingMessage } from 'node:http';
import { checkUpgradeRequest, pathOf } from './upgrade-request.ts';

const PATHS = new Set(['/', '/codex-app/ws']);
const HEADERS = { upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': `${'A'.repeat(22)}==` };
const check = (url: string) =>
  checkUpgradeRequest({ url, method: 'GET', headers: HEADERS } as unknown as IncomingMessage, {
    paths: PATHS,
    allowedOrigins: [],
  });

describe('what an upgrade asks for', () => {
  it.each([
    ['/', '/'],
    ['/?x=1', '/'],
    ['/codex-app/ws?a=/b', '/codex-app/ws'],
    ['/codex-app/ws/', '/codex-app/ws'],
    ['/codex-app/ws/?a', '/codex-app/ws'],
    ['http://gateway.example', '/'],
    ['http://gateway.example:8082/codex-app/ws?a', '/codex-app/ws'],
    ['HTTPS://gateway.example/', '/'],
  ])('of %s is %s, a whole URL being as good as its path (RFC 6455 §4.2.1)', (url, path) => {
    expect(pathOf({ url })).toBe(path);
    expect(() => check(url)).not.toThrow();
  });

  it.each([
    '//',
    '/codex-app',
    '/codex-app/',
    '/codex-app/ws//',
    '/CODEX-APP/WS',
    '/%63odex-app/ws',
    'http://a//',
    '/http://a/',
  ])('is nothing that is here for %s', (url) => {
    expect(() => check(url)).toThrow('there is nothing at this path');
  });

  it('is 405 for another method than GET', () => {
    const request = { url: '/', method: 'POST', headers: HEADERS } as unknown as IncomingMessage;
    expect(() => checkUpgradeRequest(request, { paths: PATHS, allowedOrigins: [] })).toThrow(
      expect.objectContaining({ status: 405, headers: { Allow: 'GET' } }),
    );
  });
});
