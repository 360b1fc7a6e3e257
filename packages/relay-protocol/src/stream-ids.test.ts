import fc from 'fast-check';
import { encodeReset, peekFrame } from './frame.ts';
import { StreamIds } from './stream-ids.ts';

describe('stream ids that were seen before', () => {
  it('are the ones that stand in the frame, in whatever order frames come', () => {
    const text = fc.oneof(fc.uuid(), fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), fc.array(fc.nat(7)), (texts, order) => {
        const known = new StreamIds();
        for (const index of order) {
          const frame = encodeReset(texts[index % texts.length] ?? 'x', 'r');
          expect(peekFrame(frame, known)).toEqual(peekFrame(frame));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('does not look at bytes that changed since', () => {
    const known = new StreamIds();
    const frame = Buffer.from('stream-a');
    expect(known.read(frame, 0, 8)).toBe('stream-a');
    for (const other of ['stream-b', 'strxxx-b']) {
      frame.write(other);
      expect(known.read(frame, 0, 8)).toBe(other);
    }
    expect(known.read(Buffer.from('stream-a'), 0, 8)).toBe('stream-a');
  });
});
