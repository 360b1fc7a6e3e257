import { splitTarget } from './request-target.ts';

describe('what a request asks for', () => {
  it.each([
    ['/', '/', ''],
    ['', '/', ''],
    ['/a/b?x=1&y=?', '/a/b', 'x=1&y=?'],
    ['http://gateway.example', '/', ''],
    ['http://gateway.example?x', '/', 'x'],
    ['HTTPS://gateway.example:8083/bridge/exe_1?token=t', '/bridge/exe_1', 'token=t'],
    ['//gateway.example/', '//gateway.example/', ''],
    ['/http://a/', '/http://a/', ''],
  ])('of %j is the path %j and the query %j', (url, path, query) => {
    expect(splitTarget(url)).toEqual({ path, query });
  });
});
