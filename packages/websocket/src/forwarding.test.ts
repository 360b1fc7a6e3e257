import { useCleanup, waitFor } from '@codex-gateways/testing';
import { handMade, KEY } from '../test/frames.ts';
import { fillQueue, OPENERS, oursAsClient, oursAsServer, recorded, recordedWrites } from '../test/peers.ts';
import { randomText } from '../test/random-text.ts';
import type { FrameSocket } from './frame-socket.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const ROLES = ['server', 'client'] as const;
const PAIRS = ROLES.flatMap((from) => ROLES.map((to) => [from, to] as const));
const WAYS_TO_READ = [
  ['in place', {}],
  ['gaps closed', { closesGaps: true }],
  ['unmasked elsewhere', { unmaskInto: Buffer.alloc(65_535) }],
] as const;
const WAYS = WAYS_TO_READ.flatMap(([how, options]) => PAIRS.map(([from, to]) => [from, to, how, options] as const));

const turn = () => new Promise(setImmediate);

describe('forwarding', () => {
  const cleanup = useCleanup();

  it.each(WAYS)(
    'passes messages on from where they lie (read as %s, sent as %s, %s), whatever their size, fragments and form',
    async (from, to, _how, options) => {
      const source = await OPENERS[from](cleanup, options);
      const target = await OPENERS[to](cleanup);
      const received = recorded(target.theirs);
      source.ours.on('message', () => target.ours.forward(source.ours));
      const sizes = [0, 1, 125, 126, 150, 150, 150, 65_535, 65_536, 16 * KIB, 16 * KIB, 16 * KIB, 16 * KIB, 2 * MIB, 5];
      const sent = sizes.map((size, index) => ({ data: randomText(size), isBinary: index % 2 === 0 }));
      for (const { data, isBinary } of sent) source.theirs.send(data, { binary: isBinary });
      source.theirs.send('frag', { fin: false });
      source.theirs.send('mented', { fin: true });
      await waitFor(() => received.length === sent.length + 1, { timeoutMs: 10_000, describe: 'all messages' });
      const isSame = ({ data, isBinary }: (typeof sent)[number], index: number) =>
        received[index]?.isBinary === isBinary && received[index]?.data.equals(data);
      expect(sent.every(isSame)).toBe(true);
      expect(received.at(-1)).toEqual({ data: Buffer.from('fragmented'), isBinary: false });
    },
  );

  it.each(WAYS_TO_READ)('passes a masked frame on to a server as it was received (%s)', async (_how, options) => {
    const source = await oursAsServer(cleanup, options);
    const target = await oursAsClient(cleanup);
    const written: Buffer[] = [];
    target.socket.write = ((chunk: Buffer) => {
      written.push(Buffer.from(chunk));
      return true;
    }) as typeof target.socket.write;
    source.ours.on('message', () => target.ours.forward(source.ours));
    const frame = handMade({ opcode: 1, payload: '{"method":"turn/start"}', key: KEY });
    source.socket.emit('data', Buffer.from(frame));
    await waitFor(() => written.length === 1, { timeoutMs: 5000, describe: 'the frame' });
    expect(written[0]).toEqual(frame);
  });

  it('passes on what came in one chunk in one write', async () => {
    const source = await oursAsServer(cleanup);
    const target = await oursAsServer(cleanup);
    const received = recorded(target.theirs);
    const written = recordedWrites(target.socket);
    source.ours.on('message', () => target.ours.forward(source.ours));
    const frames = Array.from({ length: 100 }, (_, index) => handMade({ opcode: 2, payload: `n${index}`, key: KEY }));
    source.socket.emit('data', Buffer.concat(frames));
    await waitFor(() => received.length === 100, { timeoutMs: 5000, describe: 'all messages' });
    expect(received.map(({ data }) => data.toString())).toEqual(Array.from({ length: 100 }, (_, index) => `n${index}`));
    expect(written).toHaveLength(1);
  });

  it('passes on large messages that came in one chunk as one piece of it, where gaps are closed', async () => {
    const source = await oursAsServer(cleanup, { closesGaps: true });
    const target = await oursAsServer(cleanup);
    const received = recorded(target.theirs);
    const written = recordedWrites(target.socket);
    source.ours.on('message', () => target.ours.forward(source.ours));
    const sent = [16 * KIB, 5000, 70_000, 300].map(randomText);
    const chunk = Buffer.concat(sent.map((payload) => handMade({ opcode: 1, payload, key: KEY })));
    source.socket.emit('data', chunk);
    await waitFor(() => received.length === sent.length, { timeoutMs: 5000, describe: 'all messages' });
    expect(received.map(({ data }) => data.toString())).toEqual(sent.map(String));
    expect(written.map(({ buffer }) => buffer === chunk.buffer)).toEqual([true]);
  });

  it('passes messages on to a server in the memory that they came in, untouched, where they are unmasked elsewhere', async () => {
    const source = await oursAsServer(cleanup, { unmaskInto: Buffer.alloc(64 * KIB) });
    const target = await oursAsClient(cleanup);
    const received = recorded(target.theirs);
    const written = recordedWrites(target.socket);
    const seen: string[] = [];
    source.ours.on('message', (data) => {
      seen.push(data.toString());
      target.ours.forward(source.ours);
    });
    const sent = [16 * KIB, 5000, 40_000, 10].map(randomText);
    const chunk = Buffer.concat(sent.map((payload) => handMade({ opcode: 1, payload, key: KEY })));
    const came = Buffer.from(chunk);
    source.socket.emit('data', chunk);
    await waitFor(() => received.length === sent.length, { timeoutMs: 5000, describe: 'all messages' });
    expect(seen).toEqual(sent.map(String));
    expect(received.map(({ data }) => data.toString())).toEqual(seen);
    expect(written.map(({ buffer, length }) => [buffer === chunk.buffer, length])).toEqual([[true, came.length]]);
    expect(chunk).toEqual(came);
  });

  it('is refused outside of a delivery, and for the same message again', async () => {
    const source = await oursAsServer(cleanup);
    const target = await oursAsServer(cleanup);
    const failures: unknown[] = [];
    const attempt = (ours: FrameSocket) => {
      try {
        target.ours.forward(ours);
      } catch (error) {
        failures.push(error);
      }
    };
    attempt(source.ours);
    source.ours.on('message', () => {
      attempt(source.ours);
      attempt(source.ours);
    });
    source.theirs.send('x');
    await waitFor(() => failures.length === 2, { timeoutMs: 5000, describe: 'two refusals' });
  });

  it('does not keep a large chunk alive for a small frame that waits', async () => {
    const source = await oursAsServer(cleanup);
    const target = await oursAsServer(cleanup);
    target.theirs.pause();
    source.ours.on('message', () => target.ours.forward(source.ours));
    await fillQueue(target.ours, MIB);
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 500; index += 1) {
      const chunk = Buffer.allocUnsafeSlow(256 * KIB);
      const frame = handMade({ opcode: 2, payload: 'x'.repeat(3000), key: KEY });
      frame.copy(chunk);
      source.socket.emit('data', chunk.subarray(0, frame.length));
      if (index % 100 === 99) await turn();
    }
    await waitFor(() => process.memoryUsage().arrayBuffers - before < 64 * MIB, {
      timeoutMs: 10_000,
      describe: () => `chunks to be let go of: ${process.memoryUsage().arrayBuffers - before}`,
    });
    expect(target.ours.queuedFrames).toBeGreaterThanOrEqual(500);
  });
});
