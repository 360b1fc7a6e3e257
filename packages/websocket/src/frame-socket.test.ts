import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import fc from 'fast-check';
import { closeOf, fillQueue, OPENERS, oursAsServer, recorded } from '../test/peers.ts';
import { randomText } from '../test/random-text.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const turn = () => new Promise(setImmediate);
const ROLES = ['server', 'client'] as const;

describe.each(ROLES)('a FrameSocket as %s, with ws at the other end', (role) => {
  const cleanup = useCleanup();
  const open = (options: Parameters<typeof oursAsServer>[1] = {}) => OPENERS[role](cleanup, options);

  it('carries any messages both ways, in order, with pings in between', async () => {
    const { ours, theirs } = await open();
    const message = fc.record({
      size: fc.oneof(fc.nat(300), fc.nat(70_000), fc.constantFrom(125, 126, 65_535, 65_536, 3 * MIB)),
      isBinary: fc.boolean(),
      ping: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 8 }), async (sent) => {
        const contents = sent.map(({ size }) => randomText(size));
        for (const [from, to] of [
          [ours, theirs],
          [theirs, ours],
        ] as const) {
          const received = recorded(to);
          for (const [index, { isBinary, ping }] of sent.entries()) {
            if (ping) from.ping('between');
            from.send(contents[index] as Buffer, { binary: isBinary });
          }
          await waitFor(() => received.length === sent.length, { timeoutMs: 60_000, describe: 'all messages' });
          expect(received.map(({ isBinary }) => isBinary)).toEqual(sent.map(({ isBinary }) => isBinary));
          expect(received.every(({ data }, index) => data.equals(contents[index] as Buffer))).toBe(true);
          to.removeAllListeners('message');
        }
      }),
      { numRuns: 25, endOnFailure: true }, // to look for a smaller example would take the patience of each attempt again
    );
  });

  it('reads the fragments of a message as one', async () => {
    const { ours, theirs } = await open();
    const received = recorded(ours);
    theirs.send('frag', { fin: false });
    theirs.ping();
    theirs.send(randomText(70_000).toString(), { fin: false });
    theirs.send('mented', { fin: true });
    await waitFor(() => received.length === 1, { timeoutMs: 60_000, describe: 'the message' });
    expect(received[0]?.isBinary).toBe(false);
    expect(received[0]?.data.length).toBe(70_010);
  });

  it('sends strings as text and leaves Buffers that it masks as they were', async () => {
    const { ours, theirs } = await open();
    const received = recorded(theirs);
    const large = randomBytes(5000);
    const before = Buffer.from(large);
    ours.send('äöü');
    ours.send(large);
    ours.send(Buffer.alloc(0));
    await waitFor(() => received.length === 3, { timeoutMs: 60_000, describe: 'three messages' });
    expect(received[0]).toEqual({ data: Buffer.from('äöü'), isBinary: false });
    expect(received[1]).toEqual({ data: before, isBinary: true });
    expect(large.equals(before)).toBe(true);
  });

  it('answers pings and reports pongs', async () => {
    const { ours, theirs } = await open();
    const pong = once(theirs, 'pong');
    theirs.ping('are you there');
    expect(String((await pong)[0])).toBe('are you there');
    const answered = once(ours, 'pong');
    ours.ping('and you');
    expect(String((await answered)[0])).toBe('and you');
  });

  it('closes with a code and a reason, from either end, after everything that was sent before', async () => {
    for (const [closing, other] of [
      ['ours', 'theirs'],
      ['theirs', 'ours'],
    ] as const) {
      const pair = await open();
      const received = recorded(pair[other]);
      const closes = [closeOf(pair.ours), closeOf(pair.theirs)];
      pair[closing].send('last words');
      pair[closing].close(4403, 'the turn was revoked');
      expect(await Promise.all(closes)).toEqual(Array(2).fill({ code: 4403, reason: 'the turn was revoked' }));
      expect(received).toHaveLength(1);
      expect(pair.ours.readyState).toBe(3);
    }
  });

  it('closes without a code', async () => {
    for (const closing of ['ours', 'theirs'] as const) {
      const pair = await open();
      const closes = [closeOf(pair.ours), closeOf(pair.theirs)];
      pair[closing].close();
      expect(await Promise.all(closes)).toEqual(Array(2).fill({ code: 1005, reason: '' }));
    }
  });

  it('says 1006 when the connection is lost, at either end', async () => {
    for (const lost of ['ours', 'theirs'] as const) {
      const pair = await open();
      const closes = [closeOf(pair.ours), closeOf(pair.theirs)];
      pair[lost].terminate();
      expect((await Promise.all(closes)).map(({ code }) => code)).toEqual([1006, 1006]);
    }
  });

  it('cuts a peer that does not answer the close', async () => {
    const { ours, theirs } = await open({ closeTimeoutMs: 50 });
    theirs.pause();
    const closed = closeOf(ours);
    ours.close(1001, 'going');
    expect(await closed).toEqual({ code: 1006, reason: '' });
  });

  it('answers a message over the limit with 1009, and text that is not UTF-8 with 1007', async () => {
    for (const [code, message] of [
      [1009, Buffer.alloc(KIB + 1)],
      [1007, Buffer.from([0xc3, 0x28])],
    ] as const) {
      const { ours, theirs } = await open({ maxMessageBytes: KIB });
      const closes = [closeOf(theirs), closeOf(ours)];
      const violated = once(ours, 'error');
      theirs.send(message, { binary: false });
      expect((await Promise.all(closes)).map((close) => close.code)).toEqual([code, 1006]);
      expect((await violated)[0]).toMatchObject({ closeCode: code });
    }
  });

  it('reads nothing while it is paused, and loses nothing', async () => {
    const { ours, theirs } = await open();
    const received = recorded(ours);
    ours.pause();
    expect(ours.isPaused).toBe(true);
    for (let index = 0; index < 200; index += 1) theirs.send(Buffer.alloc(64 * KIB, index));
    await waitFor(() => theirs.bufferedAmount > MIB, { timeoutMs: 60_000, describe: 'the sender to be held up' });
    ours.resume();
    await waitFor(() => received.length === 200, { timeoutMs: 60_000, describe: 'all messages' });
    expect(received.every(({ data }, index) => data[0] === index && data[65_535] === index)).toBe(true);
  });

  it('tells what waits for a peer that does not read, and when it was taken', async () => {
    const { ours, theirs } = await open();
    const received = recorded(theirs);
    theirs.pause();
    let leastWaiting = Number.POSITIVE_INFINITY;
    ours.on('taken', () => (leastWaiting = Math.min(leastWaiting, ours.queuedFrames)));
    for (let index = 0; index < 300; index += 1) {
      ours.send(Buffer.alloc(64 * KIB));
      if (index % 10 === 9) await turn();
    }
    const waiting = ours.queuedFrames;
    expect(waiting).toBeLessThan(300);
    expect(ours.bufferedAmount).toBeGreaterThan(MIB);
    expect(ours.bufferedAmount).toBeLessThanOrEqual(waiting * (64 * KIB + 14));
    theirs.resume();
    await waitFor(() => received.length === 300 && leastWaiting === 0, { timeoutMs: 60_000, describe: 'all messages' });
    expect([ours.queuedFrames, ours.bufferedAmount]).toEqual([0, 0]);
  });

  it('holds nothing for a peer that is gone', async () => {
    const { ours, theirs } = await open();
    theirs.pause();
    for (let index = 0; index < 200; index += 1) {
      ours.send(Buffer.alloc(64 * KIB));
      if (index % 10 === 9) await turn();
    }
    expect(ours.queuedFrames).toBeGreaterThan(50);
    ours.terminate();
    ours.send('too late');
    await waitFor(() => ours.queuedFrames === 0, { timeoutMs: 60_000, describe: 'all to be thrown away' });
    expect(ours.bufferedAmount).toBe(0);
  });

  it('owes a peer that pings without reading one pong, not thousands', async () => {
    const { ours, theirs } = await open();
    const pongs: string[] = [];
    theirs.on('pong', (payload) => pongs.push(payload.toString()));
    theirs.pause();
    for (let index = 0; index < 200; index += 1) ours.send(Buffer.alloc(64 * KIB));
    await waitFor(() => ours.bufferedAmount > MIB, { timeoutMs: 60_000, describe: 'the queue to fill' });
    const framesBefore = ours.queuedFrames;
    let pings = 0;
    ours.on('ping', () => (pings += 1));
    for (let index = 0; index < 1000; index += 1) theirs.ping(String(index));
    await waitFor(() => pings === 1000, { timeoutMs: 60_000, describe: 'all pings' });
    expect(ours.queuedFrames).toBeLessThanOrEqual(framesBefore);
    theirs.resume();
    await waitFor(() => pongs.length > 0, { timeoutMs: 60_000, describe: 'the pong' });
    expect(pongs).toEqual(['999']);
  });

  it('refuses to send what a frame may not carry', async () => {
    const { ours } = await open();
    expect(() => ours.ping('x'.repeat(126))).toThrow(RangeError);
    expect(() => ours.close(1006)).toThrow(RangeError);
    expect(() => ours.close(1000, 'x'.repeat(124))).toThrow(RangeError);
  });
});

describe('a FrameSocket whose peer hangs up without a close frame', () => {
  const cleanup = useCleanup();

  it('is over, also when the peer does not take what was sent to it', async () => {
    const { ours, theirs } = await oursAsServer(cleanup, { closeTimeoutMs: 100 });
    theirs.pause();
    await fillQueue(ours, MIB);
    const closed = closeOf(ours);
    (theirs as unknown as { _socket: Socket })._socket.end();
    expect(await closed).toEqual({ code: 1006, reason: '' });
  });
});
