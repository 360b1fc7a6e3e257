import { MAX_HEADER_BYTES } from './frame-header.ts';
import { MessageBuffer, MessageMemory } from './message-buffer.ts';

const KIB = 1024;

describe('memory for messages that come in parts', () => {
  it('is cut from one block while more are about to come, without overlap', () => {
    const memory = new MessageMemory();
    memory.isBusy = true;
    const pieces = Array.from({ length: 4 }, () => memory.take(16 * KIB));
    for (const [index, piece] of pieces.entries()) piece.fill(index);
    expect(pieces.every((piece, index) => piece.equals(Buffer.alloc(16 * KIB, index)))).toBe(true);
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(1);
    expect(memory.take(1).buffer).not.toBe(pieces[0]?.buffer);
  });

  it('is no more than asked for when nothing else is about to come, and for a large message', () => {
    const memory = new MessageMemory();
    expect(memory.take(100).buffer.byteLength).toBe(100);
    memory.isBusy = true;
    expect(memory.take(40 * KIB).buffer.byteLength).toBe(40 * KIB);
    const fromBlock = memory.take(100);
    memory.isBusy = false;
    expect(memory.take(100).buffer).not.toBe(fromBlock.buffer);
    expect(memory.take(100).buffer.byteLength).toBe(100);
  });
});

/** Counts what is taken of it. */
class CountedMemory extends MessageMemory {
  takenBytes = 0;

  override take(bytes: number): Buffer {
    this.takenBytes += bytes;
    return super.take(bytes);
  }
}

describe('the memory of a message that comes in parts', () => {
  const frame = { offset: 0, maskKey: undefined, missingBytes: 1 };

  it('is not taken anew for each of many small fragments', () => {
    const memory = new CountedMemory();
    const message = new MessageBuffer(memory, 1);
    const whole = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251));
    for (let at = 0; at < whole.length; at += 1) {
      message.append(whole.subarray(at, at + 1), { ...frame, isFinal: at === whole.length - 1 });
    }
    expect(message.bytes.subarray(MAX_HEADER_BYTES)).toEqual(whole);
    expect(memory.takenBytes).toBeLessThan(4 * whole.length);
  });

  it('is just enough for a message of one frame', () => {
    const memory = new CountedMemory();
    const whole = Buffer.alloc(100_000, 7);
    const message = new MessageBuffer(memory, whole.length);
    for (let at = 0; at < whole.length; at += 10_000) {
      const part = whole.subarray(at, at + 10_000);
      message.append(part, { offset: at, maskKey: undefined, missingBytes: whole.length - at, isFinal: true });
    }
    expect(message.bytes.subarray(MAX_HEADER_BYTES)).toEqual(whole);
    expect(memory.takenBytes).toBeLessThan(2 * whole.length);
  });
});
