import { MessageMemory } from './message-buffer.ts';

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
