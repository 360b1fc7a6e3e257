import { constantTimeEqual, fingerprint, randomToken, sha256 } from './digest.ts';

describe('digests', () => {
  it('hashes with SHA-256 (FIPS 180-4 vector "abc")', () => {
    expect(sha256('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
  it('names a token in a log by eight hex digits', () => {
    expect(fingerprint('abc')).toBe('ba7816bf');
  });
});

describe('constant-time comparison', () => {
  it.each([
    ['secret', 'secret', true],
    ['secret', 'secreT', false],
    ['secret', 'secret0', false],
    ['', 'secret', false],
  ])('compares %j with %j', (left, right, equal) => {
    expect(constantTimeEqual(left, right)).toBe(equal);
  });
});

describe('random tokens', () => {
  it('are base64url of the asked size and differ', () => {
    expect(randomToken()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(randomToken()).not.toBe(randomToken());
    expect(randomToken(3, () => Buffer.from([251, 255, 254]))).toBe('-__-');
  });
});
