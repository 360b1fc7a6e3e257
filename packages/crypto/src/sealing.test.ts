import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createSealer, parseSealingKey, UnsealError } from './sealing.ts';

const CONTEXT = 'codex_jwks_keys.private_pkcs8:kid';

describe('sealing at rest', () => {
  const key = randomBytes(32);
  const sealer = createSealer({ current: key });

  it('opens what it sealed, and hides it', () => {
    const sealed = sealer.seal(Buffer.from('private key'), CONTEXT);
    expect(sealed.includes('private')).toBe(false);
    expect(sealer.open(sealed, CONTEXT).toString()).toBe('private key');
  });
  it('never seals the same value to the same bytes', () => {
    expect(sealer.seal(Buffer.from('x'), CONTEXT)).not.toEqual(sealer.seal(Buffer.from('x'), CONTEXT));
  });
  it('does not open in another place', () => {
    const sealed = sealer.seal(Buffer.from('x'), CONTEXT);
    expect(() => sealer.open(sealed, 'another:place')).toThrow(UnsealError);
  });
  it('does not open after any one bit changed', () => {
    const sealed = sealer.seal(Buffer.from('secret'), CONTEXT);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: sealed.length * 8 - 1 }), (bit) => {
        const altered = Buffer.from(sealed);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => sealer.open(altered, CONTEXT)).toThrow(UnsealError);
      }),
    );
  });
  it('throws UnsealError, not something else, for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(() => sealer.open(bytes, CONTEXT)).toThrow(UnsealError);
      }),
    );
  });
  it('opens what a previous key sealed and says that it wants sealing again', () => {
    const rotated = createSealer({ current: randomBytes(32), previous: [key] });
    const old = sealer.seal(Buffer.from('kept'), CONTEXT);
    expect(rotated.open(old, CONTEXT).toString()).toBe('kept');
    expect(rotated.isCurrent(old)).toBe(false);
    const renewed = rotated.seal(Buffer.from('kept'), CONTEXT);
    expect(rotated.isCurrent(renewed)).toBe(true);
    expect(renewed.subarray(1, 5)).toEqual(rotated.currentKeyId);
    expect(rotated.currentKeyId).not.toEqual(sealer.currentKeyId);
    expect(() => createSealer({ current: randomBytes(32) }).open(old, CONTEXT)).toThrow(UnsealError);
  });
});

describe('sealing keys', () => {
  it('are 32 bytes in base64', () => {
    expect(parseSealingKey(Buffer.alloc(32, 7).toString('base64'))).toEqual(Buffer.alloc(32, 7));
  });
  it.each(['', 'short', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), '!'.repeat(44)])(
    'refuses %j without repeating it',
    (text) => {
      expect(() => parseSealingKey(text)).toThrow('a sealing key is 32 bytes in base64');
    },
  );
});
