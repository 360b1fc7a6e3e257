import fc from 'fast-check';
import { applyMask, IS_MASKING_NATIVE, maskBytes, maskWords, moveMasked, turnKey } from './masking.ts';

describe('masking (RFC 6455 §5.3)', () => {
  it('has bufferutil here, so that what is tested below is what runs', () => {
    expect(IS_MASKING_NATIVE).toBe(true);
  });
  it('masks the example of the RFC', () => {
    const bytes = Buffer.from('Hello');
    applyMask(bytes, Buffer.from('37fa213d', 'hex').readUInt32LE(0));
    expect(bytes.toString('hex')).toBe('7f9f4d5158');
  });
  it('gives the same in native code, by words and by bytes, wherever the bytes lie, and leaves its neighbours alone', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700 }),
        fc.nat(0xffff_ffff),
        fc.nat(9),
        fc.nat(9),
        (content, key, before, after) => {
          const expected = Buffer.from(content);
          maskBytes(expected, key);
          for (const mask of content.length < 4 ? [applyMask] : [applyMask, maskWords]) {
            const whole = Buffer.concat([Buffer.alloc(before, 7), content, Buffer.alloc(after, 9)]);
            mask(whole.subarray(before, before + content.length), key);
            expect(whole).toEqual(Buffer.concat([Buffer.alloc(before, 7), expected, Buffer.alloc(after, 9)]));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
  it('gives the same on the way to a place before it in the same memory, and in parts with the key turned', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 700 }),
        ...[fc.nat(0xffff_ffff), fc.nat(20), fc.nat(9), fc.nat(700)],
        (content, key, distance, before, cut) => {
          const expected = Buffer.from(content);
          maskBytes(expected, key);
          const [at, length] = [before + distance, content.length];
          const whole = Buffer.concat([Buffer.alloc(at, 7), content]);
          moveMasked(whole.subarray(at), key, whole.subarray(before, before + length));
          expect(whole.subarray(0, before + length)).toEqual(Buffer.concat([Buffer.alloc(before, 7), expected]));
          const parts = [content.slice(0, cut), content.slice(cut)].map((part) => Buffer.from(part));
          applyMask(parts[0] as Buffer, key);
          applyMask(parts[1] as Buffer, turnKey(key, parts[0]?.length ?? 0));
          expect(Buffer.concat(parts)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});
