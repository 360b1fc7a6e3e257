import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { readInto } from './read-into.ts';

describe('reading into memory that is given', () => {
  const cleanup = useCleanup();

  /** Both ends of a connection. */
  async function connection(): Promise<{ accepted: Socket; opened: Socket }> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const opened = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [[accepted]] = (await Promise.all([once(server, 'connection'), once(opened, 'connect')])) as [
      [Socket],
      unknown,
    ];
    cleanup.after(() => {
      opened.destroy();
      accepted.destroy();
      server.close();
    });
    return { accepted, opened };
  }

  it.each([
    ['accepted', 'opened'],
    ['opened', 'accepted'],
  ] as const)('works for a connection that was %s, without any chunk of its own', async (reading, writing) => {
    const ends = await connection();
    const memory = Buffer.alloc(1000);
    let read = '';
    let chunks = 0;
    const isPossible = readInto(ends[reading], memory, (bytes) => {
      read += memory.toString('latin1', 0, bytes);
      return true;
    });
    expect(isPossible).toBe(true);
    ends[reading].on('data', () => (chunks += 1));
    const sent = Array.from({ length: 5000 }, (_, index) => `${index},`).join('');
    ends[writing].end(sent);
    await once(ends[reading], 'end');
    expect(read).toBe(sent);
    expect(chunks).toBe(0);
  });

  it('stops when it is told to, and goes on where it stopped', async () => {
    const { accepted, opened } = await connection();
    const memory = Buffer.alloc(10);
    const read: string[] = [];
    readInto(accepted, memory, (bytes) => {
      read.push(memory.toString('latin1', 0, bytes));
      return read.length % 2 === 0;
    });
    accepted.resume();
    opened.write('0123456789'.repeat(4));
    for (const chunks of [1, 3, 4]) {
      await waitFor(() => read.length === chunks, { timeoutMs: 60_000, describe: 'a chunk' });
      accepted.resume();
    }
    expect(read).toEqual(Array(4).fill('0123456789'));
  });

  it('is not possible for what is no connection, or none any more', async () => {
    const { accepted } = await connection();
    accepted.destroy();
    for (const stream of [new PassThrough(), new Socket(), accepted]) {
      expect(readInto(stream, Buffer.alloc(1), () => true)).toBe(false);
    }
  });

  it('is not possible twice', async () => {
    const { accepted } = await connection();
    expect(readInto(accepted, Buffer.alloc(1), () => true)).toBe(true);
    expect(readInto(accepted, Buffer.alloc(1), () => true)).toBe(false);
  });
});
