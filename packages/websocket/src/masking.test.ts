import fc from 'fast-check';
import { applyMask, IS_MASKING_NATIVE, maskBytes, maskWords } from './masking.ts';

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
});
