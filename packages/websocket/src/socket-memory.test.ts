import { PassThrough } from 'node:stream';
import { BlockPool, LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES } from './block-pool.ts';
import { READ_BYTES, SocketMemory } from './socket-memory.ts';
import { MAX_STASH_BYTES, StashPool } from './stash-pool.ts';

describe('memory that sockets read into', () => {
  it('also has what a stream reads that is no socket, in order, with room in front', () => {
    const stream = new PassThrough();
    const parts: Buffer[] = [];
    new SocketMemory().listen(stream, (memory, start, end) => {
      expect(start).toBeGreaterThanOrEqual(MAX_STASH_BYTES);
      parts.push(Buffer.from(memory.subarray(start, end)));
    });
    const chunk = Buffer.from(Array.from({ length: 3 * READ_BYTES + 5 }, (_, index) => index % 251));
    stream.emit('data', chunk);
    expect(parts.map(({ length }) => length)).toEqual([READ_BYTES, READ_BYTES, READ_BYTES, 5]);
    expect(Buffer.concat(parts)).toEqual(chunk);
  });

  it('is not given to a second stream while a listener looks at what the first one read, also after one that threw', () => {
    const [memory, first, second] = [new SocketMemory(), new PassThrough(), new PassThrough()];
    const heard: string[] = [];
    memory.listen(second, (bytes, start, end) => heard.push(bytes.toString('latin1', start, end)));
    memory.listen(first, (bytes, start, end) => {
      expect(() => second.emit('data', Buffer.from('second'))).toThrow();
      heard.push(bytes.toString('latin1', start, end));
      throw new Error('of a listener');
    });
    expect(() => first.emit('data', Buffer.from('first'))).toThrow('of a listener');
    second.emit('data', Buffer.from('second'));
    expect(heard).toEqual(['first', 'second']);
  });
});

describe('blocks to send from', () => {
  it('are the same ones again, once they were given back', () => {
    const pool = new BlockPool();
    for (const [bytes, length] of [
      [1, SMALL_BLOCK_BYTES],
      [SMALL_BLOCK_BYTES, SMALL_BLOCK_BYTES],
      [SMALL_BLOCK_BYTES + 1, LARGE_BLOCK_BYTES],
      [10 * LARGE_BLOCK_BYTES, LARGE_BLOCK_BYTES],
    ] as const) {
      const block = pool.take(bytes);
      expect(block).toHaveLength(length);
      expect(pool.take(bytes)).not.toBe(block);
      pool.giveBack(block);
      expect(pool.take(bytes)).toBe(block);
    }
  });

  it.each([
    [SMALL_BLOCK_BYTES, 256],
    [LARGE_BLOCK_BYTES, 32],
  ])('of %i bytes are kept up to %i', (bytes, kept) => {
    const pool = new BlockPool();
    const blocks = Array.from({ length: kept + 5 }, () => pool.take(bytes));
    for (const block of blocks) pool.giveBack(block);
    const again = Array.from({ length: kept + 5 }, () => pool.take(bytes));
    expect(again.filter((block) => blocks.includes(block))).toHaveLength(kept);
  });
});

describe('memory for beginnings of frames', () => {
  it('is cut to size for small ones, and for all when 32 blocks are out', () => {
    const pool = new StashPool();
    expect(pool.take(10)).toHaveLength(10);
    const blocks = Array.from({ length: 32 }, () => pool.take(2000));
    expect(new Set(blocks.map(({ length }) => length))).toEqual(new Set([MAX_STASH_BYTES]));
    const exact = pool.take(2000);
    expect(exact).toHaveLength(2000);
    pool.giveBack(exact);
    pool.giveBack(blocks[3] as Buffer);
    expect(pool.take(2000)).toBe(blocks[3]);
    expect(pool.take(2000)).toHaveLength(2000);
  });
});
