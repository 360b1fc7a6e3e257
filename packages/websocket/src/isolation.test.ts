import type { Socket } from 'node:net';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import type { WebSocket } from 'ws';
import { handMade } from '../test/frames.ts';
import { OPENERS, oursAsServer, type Pair } from '../test/peers.ts';
import { poisonedMemory } from '../test/poisoned-memory.ts';

const MIB = 1024 * 1024;
const MESSAGES = 60;
const SOURCES = 12;
/** It is cut in the middle of a frame. */
const isCut = (source: number) => source % 4 === 3;
const SIZES = [20, 150, 1500, 4080, 5000, 20_000, 65_535, 65_536, 200_000];

/** The same numbers each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}

/** No two messages have a row of bytes in common. */
function contentOf(source: number, index: number, size: number): Buffer {
  return Buffer.alloc(size, `<${source}.${index}>`);
}

function isContent(data: Buffer): boolean {
  const [, source, index] = /^<(\d+)\.(\d+)>/.exec(data.toString('latin1', 0, 20)) ?? [];
  return source !== undefined && data.equals(contentOf(Number(source), Number(index), data.length));
}

/** What a source sends, as a client masks it: some in fragments, with pings among them that say whose they are. */
function framesOf(source: number): Buffer {
  const next = numbers(source + 1);
  const frames = Array.from({ length: MESSAGES }, (_, index) => {
    const content = contentOf(source, index, SIZES[next(SIZES.length)] as number);
    const key = Buffer.from([next(256), next(256), next(256), next(256)]);
    const cut = next(3) === 0 ? next(content.length) : content.length;
    const isWhole = cut === content.length;
    const parts = [handMade({ opcode: 1 + (index % 2), payload: content.subarray(0, cut), isFinal: isWhole, key })];
    if (next(2) === 0) parts.push(handMade({ opcode: 9, payload: `ping ${source}`, key }));
    if (!isWhole) parts.push(handMade({ opcode: 0, payload: content.subarray(cut), key }));
    return Buffer.concat(parts);
  });
  return Buffer.concat(frames);
}

const socketOf = (ws: WebSocket) => (ws as unknown as { _socket: Socket })._socket;

/** Writes in pieces of any size, each in a turn of its own. */
async function writeInPieces(socket: Socket, bytes: Buffer, seed: number): Promise<void> {
  const next = numbers(seed);
  for (let from = 0; from < bytes.length; ) {
    const end = from + 1 + (next(3) === 0 ? next(20) : next(60_000));
    socket.write(bytes.subarray(from, end));
    from = end;
    await new Promise(setImmediate);
  }
}

describe('connections that share memory', () => {
  const cleanup = useCleanup();

  it('never have a byte of another one, whatever is cut, stalls, or comes in pieces, and give all of it back', async () => {
    const { memory, taken, faults } = poisonedMemory();
    const sources: Pair[] = [];
    const elsewhere = { unmaskInto: Buffer.alloc(65_536) };
    for (let index = 0; index < SOURCES; index += 1) {
      sources.push(await oursAsServer(cleanup, { memory, ...(index % 3 === 0 && elsewhere) }));
    }
    const targets = await Promise.all(
      (['server', 'client', 'server', 'client'] as const).map((role) => OPENERS[role](cleanup, { memory })),
    );
    const received = sources.map((): number[] => []);
    let strange = 0;
    for (const [index, { theirs }] of targets.entries()) {
      theirs.on('message', (data: Buffer) => {
        const [, source, message] = /^<(\d+)\.(\d+)>/.exec(data.toString('latin1', 0, 20)) ?? [];
        if (!isContent(data) || Math.floor(Number(source) / 3) !== index) strange += 1;
        else received[Number(source)]?.push(Number(message));
      });
    }
    // The first two do not read until a lot waits for them.
    const stalled = targets.slice(0, 2);
    for (const { theirs } of stalled) theirs.pause();
    for (const [index, { ours, theirs }] of sources.entries()) {
      const target = (targets[Math.floor(index / 3)] as Pair).ours;
      ours.on('message', (data) => {
        if (!isContent(data)) strange += 1;
        target.forward(ours);
        if (index % 2 === 0) {
          ours.pause(); // with more in the same chunk
          setImmediate(() => ours.resume());
        }
      });
      theirs.on('pong', (payload) => (strange += String(payload) === `ping ${index}` ? 0 : 1));
    }

    const written = sources.map(async ({ theirs }, index) => {
      const frames = framesOf(index);
      await writeInPieces(socketOf(theirs), isCut(index) ? frames.subarray(0, -30_000) : frames, index + 100);
      if (isCut(index)) socketOf(theirs).resetAndDestroy();
    });
    await waitFor(() => stalled.every(({ ours }) => ours.bufferedAmount > MIB), {
      ...{ timeoutMs: 60_000, describe: 'much to wait' },
    });
    for (const { theirs } of stalled) theirs.resume();
    await Promise.all(written);
    const all = Array.from({ length: MESSAGES }, (_, index) => index);
    const isComplete = (messages: number[], source: number) => isCut(source) || messages.length === MESSAGES;
    await waitFor(() => received.every(isComplete), { timeoutMs: 60_000, describe: 'all messages' });
    expect(strange).toBe(0);
    for (const messages of received) expect(messages).toEqual(all.slice(0, messages.length));
    const isOver = () => sources.every(({ ours }, index) => !isCut(index) || ours.readyState === 3);
    await waitFor(isOver, { timeoutMs: 60_000, describe: 'the ends of those that were cut' });
    await waitFor(() => taken.stashes.size === 0 && targets.every(({ ours }) => ours.bufferedAmount === 0), {
      ...{ timeoutMs: 60_000, describe: 'nothing to be in use' },
    });
    expect(faults()).toBe(0);
    // Of a connection that was lost: what was under way, and what came meanwhile.
    expect(taken.blocks.size).toBeLessThanOrEqual(2 * sources.filter((_, index) => isCut(index)).length);
  });

  it('ends the connection whose listener throws, and forwards nothing of it any more', async () => {
    const { memory, taken } = poisonedMemory();
    const [source, target] = [await oursAsServer(cleanup, { memory }), await oursAsServer(cleanup, { memory })];
    let messages = 0;
    source.ours.on('message', () => {
      messages += 1;
      throw new Error('of a listener');
    });
    const key = Buffer.from('mask');
    const frames = ['one', 'two', 'x'.repeat(2000)].map((payload) => handMade({ opcode: 1, payload, key }));
    const chunk = Buffer.concat(frames).subarray(0, -1);
    expect(() => source.socket.emit('data', chunk)).toThrow('of a listener');
    expect(() => target.ours.forward(source.ours)).toThrow();
    await waitFor(() => source.ours.readyState === 3, { timeoutMs: 60_000, describe: 'its end' });
    expect([messages, taken.stashes.size, target.ours.readyState]).toEqual([1, 0, 1]);
  });
});
