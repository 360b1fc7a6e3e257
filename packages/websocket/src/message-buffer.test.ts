import { MAX_HEADER_BYTES } from './frame-header.ts';
import { MessageBuffer } from './message-buffer.ts';

describe('the memory of a message that comes in parts', () => {
  const frame = { offset: 0, maskKey: undefined, missingBytes: 1 };
  /** The memory that a message takes, each anew. */
  const memoryOf = (message: MessageBuffer, taken: Set<ArrayBufferLike>) => {
    taken.add(message.bytes.buffer);
    return [...taken].reduce((sum, { byteLength }) => sum + byteLength, 0);
  };

  it('is not taken anew for each of many small fragments', () => {
    const message = new MessageBuffer(1);
    const taken = new Set<ArrayBufferLike>();
    const whole = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
    for (let at = 0; at < whole.length; at += 1) {
      message.append(whole.subarray(at, at + 1), { ...frame, isFinal: at === whole.length - 1 });
      taken.add(message.bytes.buffer);
    }
    expect(memoryOf(message, taken)).toBeLessThan(4 * whole.length);
    expect(message.bytes.subarray(MAX_HEADER_BYTES)).toEqual(whole);
  });

  it('is just enough for a message of one frame', () => {
    const whole = Buffer.alloc(100_000, 7);
    const message = new MessageBuffer(whole.length);
    const taken = new Set<ArrayBufferLike>();
    for (let at = 0; at < whole.length; at += 10_000) {
      const part = whole.subarray(at, at + 10_000);
      message.append(part, { offset: at, maskKey: undefined, missingBytes: whole.length - at, isFinal: true });
      expect(memoryOf(message, taken)).toBeLessThan(2 * whole.length);
    }
    expect(message.bytes.subarray(MAX_HEADER_BYTES)).toEqual(whole);
  });
});
