import { collectGarbage, useCleanup, waitFor } from '@codex-gateways/testing';
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
  ['unmasked elsewhere', { unmaskInto: Buffer.alloc(65_535) }],
] as const;
const WAYS = WAYS_TO_READ.flatMap(([how, options]) => PAIRS.map(([from, to]) => [from, to, how, options] as const));

const turn = () => new Promise(setImmediate);

describe('forwarding', () => {
  const cleanup = useCleanup();

  it.each(WAYS)(
    'passes messages on (read as %s, sent as %s, %s), whatever their size, fragments and form',
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
      await waitFor(() => received.length === sent.length + 1, { timeoutMs: 60_000, describe: 'all messages' });
      const isSame = ({ data, isBinary }: (typeof sent)[number], index: number) =>
        received[index]?.isBinary === isBinary && received[index]?.data.equals(data);
      expect(sent.every(isSame)).toBe(true);
      expect(received.at(-1)).toEqual({ data: Buffer.from('fragmented'), isBinary: false });
    },
  );

  it('passes a masked frame on to a server as it was received, where it is unmasked elsewhere', async () => {
    const source = await oursAsServer(cleanup, { unmaskInto: Buffer.alloc(64 * KIB) });
    const target = await oursAsClient(cleanup);
    const written = recordedWrites(target.socket);
    const seen: string[] = [];
    source.ours.on('message', (data) => {
      seen.push(String(data));
      target.ours.forward(source.ours);
    });
    const frames = [22, 16 * KIB, 5000, 40_000].map((size) => {
      return handMade({ opcode: 1, payload: randomText(size), key: KEY });
    });
    source.socket.emit('data', Buffer.concat(frames));
    await waitFor(() => seen.length === frames.length && written.length > 0, {
      timeoutMs: 60_000,
      describe: 'the frames',
    });
    expect(Buffer.concat(written)).toEqual(Buffer.concat(frames));
  });

  it('masks anew what a client had sent in fragments', async () => {
    const source = await oursAsServer(cleanup, { unmaskInto: Buffer.alloc(64 * KIB) });
    const target = await oursAsClient(cleanup);
    const received = recorded(target.theirs);
    const written = recordedWrites(target.socket);
    source.ours.on('message', () => target.ours.forward(source.ours));
    const payload = randomText(3000);
    const [first, rest] = [payload.subarray(0, 1000), payload.subarray(1000)];
    source.socket.emit('data', handMade({ opcode: 1, payload: first, isFinal: false, key: KEY }));
    source.socket.emit('data', handMade({ opcode: 0, payload: rest, key: KEY }));
    await waitFor(() => received.length === 1, { timeoutMs: 60_000, describe: 'the message' });
    expect(received[0]?.data).toEqual(payload);
    expect(Buffer.concat(written).includes(KEY)).toBe(false);
  });

  it('passes on what came in one chunk in one write', async () => {
    const source = await oursAsServer(cleanup);
    const target = await oursAsServer(cleanup);
    const received = recorded(target.theirs);
    const written = recordedWrites(target.socket);
    source.ours.on('message', () => target.ours.forward(source.ours));
    const frames = Array.from({ length: 100 }, (_, index) => handMade({ opcode: 2, payload: `n${index}`, key: KEY }));
    source.socket.emit('data', Buffer.concat(frames));
    await waitFor(() => received.length === 100, { timeoutMs: 60_000, describe: 'all messages' });
    expect(received.map(({ data }) => data.toString())).toEqual(Array.from({ length: 100 }, (_, index) => `n${index}`));
    expect(written).toHaveLength(1);
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
    await waitFor(() => failures.length === 2, { timeoutMs: 60_000, describe: 'two refusals' });
  });

  it('takes not much more memory than what waits for a peer that does not read', async () => {
    const source = await oursAsServer(cleanup);
    const target = await oursAsServer(cleanup);
    target.theirs.pause();
    source.ours.on('message', () => target.ours.forward(source.ours));
    await fillQueue(target.ours, MIB);
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 500; index += 1) {
      source.socket.emit('data', handMade({ opcode: 2, payload: 'x'.repeat(3000), key: KEY }));
      if (index % 100 === 99) await turn();
    }
    await collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB);
    expect(target.ours.queuedFrames).toBeGreaterThanOrEqual(500);
  });
});
