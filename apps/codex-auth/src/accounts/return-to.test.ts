import fc from 'fast-check';
import { localReturnTo } from './return-to.ts';

describe('return_to', () => {
  it('is never followed to another origin, however it is spelled', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '//',
      'evil.example',
      '@',
      ':',
      '?',
      '#',
      '%2f',
      '%5c',
      '\t',
      '\n',
      ' ',
      'a',
    );
    const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);
    fc.assert(
      fc.property(fc.oneof(path, fc.string(), fc.webUrl()), (returnTo) => {
        const followed = localReturnTo(returnTo);
        if (followed === undefined) return;
        for (const base of ['https://auth.example/login', 'http://127.0.0.1:8081/codex-auth/login']) {
          expect(new URL(followed, base).origin).toBe(new URL(base).origin);
        }
        expect(followed).toMatch(/^\/(?!\/|\\)/);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps a path of ours with its query', () => {
    expect(localReturnTo('/oauth/authorize?scope=openid%20email&state=a%2Fb')).toBe(
      '/oauth/authorize?scope=openid%20email&state=a%2Fb',
    );
    expect(localReturnTo(`/${'x'.repeat(9000)}`)).toBeUndefined();
    expect(localReturnTo(undefined)).toBeUndefined();
  });
});
