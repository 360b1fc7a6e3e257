import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import type { WebSocket } from 'ws';
import { closeOf, SocketServer } from '../test/socket-pairs.ts';
import { spliceSockets } from './splice-sockets.ts';

const KIB = 1024;

describe('two WebSockets joined to one', () => {
  const cleanup = useCleanup();
  const opened = async ({ highWaterBytes = 64 * KIB, maxPayload = 1024 * KIB } = {}) => {
    const near = await (await new SocketServer({ maxPayload }).listen(cleanup)).pair();
    const far = await (await new SocketServer({ maxPayload }).listen(cleanup)).pair();
    let ends = 0;
    const splice = spliceSockets(near.server, far.server, {
      highWaterBytes,
      lost: { code: 4404, reason: 'the other end is gone' },
      onEnd: () => {
        ends += 1;
      },
    });
    return { near, far, splice, ends: () => ends };
  };

  it('carry every message both ways as the bytes it came in, in order, binary and text', async () => {
    const { near, far } = await opened();
    for (const [from, to] of [
      [near.client, far.client],
      [far.client, near.client],
    ] as const) {
      const sent = [Buffer.alloc(0), randomBytes(1), randomBytes(300 * KIB), randomBytes(126)];
      const received = collect(to);
      for (const message of sent) from.send(message);
      from.send('text');
      await waitFor(() => received.length === 5, { timeoutMs: 60_000, describe: 'five messages' });
      expect(received.map(({ isBinary }) => isBinary)).toEqual([true, true, true, true, false]);
      expect([...sent, Buffer.from('text')].every((data, index) => received[index]?.data.equals(data))).toBe(true);
    }
  });

  it.each(['near', 'far'] as const)(
    'pause the other end while the %s end does not read, and lose nothing',
    async (slow) => {
      const { near, far } = await opened();
      const [reader, writer, gate] =
        slow === 'near' ? [near.client, far.client, near.server] : [far.client, near.client, far.server];
      const received = collect(reader);
      reader.pause();
      const message = randomBytes(32 * KIB);
      for (let index = 0; index < 500; index += 1) writer.send(message);
      // What the kernel takes is not ours; beyond that the writer has to keep it.
      await waitFor(() => gate.bufferedAmount >= 64 * KIB, { timeoutMs: 60_000, describe: 'the high water' });
      expect(gate.bufferedAmount).toBeLessThan(64 * KIB + 4 * 32 * KIB);
      expect(writer.bufferedAmount).toBeGreaterThan(0);
      reader.resume();
      await waitFor(() => received.length === 500, { timeoutMs: 60_000, describe: 'all messages' });
      expect(received.every(({ data }) => data.equals(message))).toBe(true);
    },
  );

  it('pass a close on with its code and reason, from either end', async () => {
    for (const end of ['near', 'far'] as const) {
      const { near, far, ends } = await opened();
      const [closing, other] = end === 'near' ? [near, far] : [far, near];
      const closed = closeOf(other.client);
      closing.client.close(4403, 'the turn was revoked');
      expect(await closed).toEqual({ code: 4403, reason: 'the turn was revoked' });
      expect(ends()).toBe(1);
    }
  });

  it('pass on a close without a code as one', async () => {
    const { near, far } = await opened();
    const closed = closeOf(far.client);
    near.client.close();
    expect(await closed).toEqual({ code: 1005, reason: '' });
  });

  it('say that the other end is gone when it is lost', async () => {
    const { near, far } = await opened();
    const closed = closeOf(near.client);
    far.client.terminate();
    expect(await closed).toEqual({ code: 4404, reason: 'the other end is gone' });
  });

  it('deliver what was sent before a close, also to an end that reads late', async () => {
    const { near, far } = await opened();
    const received = collect(far.client);
    far.client.pause();
    for (let index = 0; index < 8; index += 1) near.client.send(Buffer.alloc(16 * KIB, index));
    near.client.close(1000, 'done');
    await once(near.client, 'close');
    const closed = closeOf(far.client);
    far.client.resume();
    expect(await closed).toEqual({ code: 1000, reason: 'done' });
    expect(received).toHaveLength(8);
  });

  it('tell both ends when a message is too large', async () => {
    const { near, far } = await opened({ maxPayload: 10 * KIB });
    const closes = [closeOf(near.client), closeOf(far.client)];
    near.client.send(Buffer.alloc(11 * KIB));
    expect(await Promise.all(closes)).toMatchObject([{ code: 1009 }, { code: 1009 }]);
  });

  it('are closed together, once, and carry nothing after that', async () => {
    const { near, far, splice, ends } = await opened();
    const received = collect(far.client);
    const closes = [closeOf(near.client), closeOf(far.client)];
    splice.close(1001, 'shutting down');
    near.client.send('too late');
    splice.close(4403, 'another reason');
    expect(await Promise.all(closes)).toEqual(Array(2).fill({ code: 1001, reason: 'shutting down' }));
    expect(received).toEqual([]);
    expect(ends()).toBe(1);
  });

  it('do not wait for an end that does not answer the close', async () => {
    const { near, far, splice } = await opened();
    near.client.pause();
    const closed = new Promise<void>((resolve) => near.server.once('close', () => resolve()));
    splice.close(1001, 'shutting down');
    await closed;
    far.client.terminate();
  });

  it('end at once when one of them is closed already', async () => {
    const near = await (await new SocketServer().listen(cleanup)).pair();
    const far = await (await new SocketServer().listen(cleanup)).pair();
    far.server.terminate();
    const closed = closeOf(near.client);
    spliceSockets(near.server, far.server, {
      highWaterBytes: KIB,
      lost: { code: 4404, reason: 'gone' },
      onEnd: () => undefined,
    });
    expect(await closed).toEqual({ code: 4404, reason: 'gone' });
  });
});

function collect(ws: WebSocket): { data: Buffer; isBinary: boolean }[] {
  const messages: { data: Buffer; isBinary: boolean }[] = [];
  ws.on('message', (data: Buffer, isBinary: boolean) => messages.push({ data, isBinary }));
  return messages;
}
