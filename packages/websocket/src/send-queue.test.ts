import { once } from 'node:events';
import type { Socket } from 'node:net';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { jest } from '@jest/globals';
import { handMade } from '../test/frames.ts';
import { fillQueue, oursAsClient, oursAsServer, recorded, recordedWrites } from '../test/peers.ts';
import { randomText } from '../test/random-text.ts';
import { LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES } from './block-pool.ts';
import { SocketMemory } from './socket-memory.ts';

const KIB = 1024;

describe('what waits to be sent', () => {
  const cleanup = useCleanup();

  /** What a pool gave out, and got back. */
  const watched = (memory: SocketMemory) => ({
    taken: jest.spyOn(memory.blocks, 'take'),
    givenBack: jest.spyOn(memory.blocks, 'giveBack'),
  });

  it('lies in blocks that come back when the system has taken it', async () => {
    const memory = new SocketMemory();
    const { taken, givenBack } = watched(memory);
    const { ours, theirs } = await oursAsServer(cleanup, { memory });
    const received = recorded(theirs);
    for (const size of [10, 1000, 5000, 15_000]) ours.send(randomText(size));
    await waitFor(() => received.length === 4, { timeoutMs: 60_000, describe: 'all messages' });
    const blocks = taken.mock.results.map(({ value }) => value as Buffer);
    expect(blocks.map(({ length }) => length)).toEqual([SMALL_BLOCK_BYTES, LARGE_BLOCK_BYTES]);
    expect(givenBack.mock.calls.map(([block]) => block)).toEqual(blocks);
  });

  it('does not come back when the connection is lost', async () => {
    const memory = new SocketMemory();
    const { ours, theirs } = await oursAsServer(cleanup, { memory });
    theirs.pause();
    await fillQueue(ours, 1024 * KIB);
    const { givenBack } = watched(memory);
    for (let index = 0; index < 20; index += 1) ours.send(randomText(10_000));
    await new Promise(setImmediate);
    ours.terminate();
    await once(ours, 'close');
    await waitFor(() => ours.bufferedAmount === 0, { timeoutMs: 60_000, describe: 'all to be thrown away' });
    expect(givenBack).not.toHaveBeenCalled();
  });

  it('takes as much memory as it has bytes, also when it comes little by little', async () => {
    const memory = new SocketMemory();
    const { ours, theirs } = await oursAsServer(cleanup, { memory });
    const received = recorded(theirs);
    theirs.pause();
    await fillQueue(ours, 1024 * KIB);
    const [{ taken }, before] = [watched(memory), ours.bufferedAmount];
    const sent = Array.from({ length: 300 }, () => randomText(5000));
    for (const data of sent) {
      ours.send(data);
      await new Promise(setImmediate);
    }
    const blocks = taken.mock.results.map(({ value }) => (value as Buffer).length);
    const takenBytes = blocks.reduce((sum, bytes) => sum + bytes, 0);
    expect(takenBytes).toBeLessThan(ours.bufferedAmount - before + 2 * LARGE_BLOCK_BYTES);
    theirs.resume();
    await waitFor(() => received.at(-1)?.data.equals(sent.at(-1) as Buffer) ?? false, {
      ...{ timeoutMs: 60_000, describe: 'the last message' },
    });
    expect(received.slice(-300).map(({ data }) => String(data))).toEqual(sent.map(String));
    expect([ours.bufferedAmount, ours.queuedFrames]).toEqual([0, 0]);
  });

  it('goes on in the next block where one is full, within a frame, and its mask with it', async () => {
    const memory = new SocketMemory();
    const { taken } = watched(memory);
    const { ours, theirs } = await oursAsClient(cleanup, { memory });
    const received = recorded(theirs);
    const sent = [10, 2.5 * LARGE_BLOCK_BYTES + 1].map(randomText);
    for (const data of sent) ours.send(data);
    await waitFor(() => received.length === 2, { timeoutMs: 60_000, describe: 'both messages' });
    expect(received.map(({ data }) => String(data))).toEqual(sent.map(String));
    expect(taken.mock.results.map(({ value }) => (value as Buffer).length)).toEqual([
      SMALL_BLOCK_BYTES,
      ...Array(3).fill(LARGE_BLOCK_BYTES),
    ]);
  });

  it('leaves as one piece, when it is small', async () => {
    const { ours, theirs, socket } = await oursAsServer(cleanup);
    const received = recorded(theirs);
    const written = recordedWrites(socket);
    const texts = ['one', 'two', 'three'];
    for (const text of texts) ours.send(text);
    await waitFor(() => received.length === 3, { timeoutMs: 60_000, describe: 'all messages' });
    expect(written).toEqual([Buffer.concat(texts.map((payload) => handMade({ opcode: 1, payload })))]);
  });

  it('comes after what waits in the socket already', async () => {
    const { ours, theirs, socket } = await oursAsServer(cleanup);
    const received = recorded(theirs);
    const earlier = [1, 2].map(() => randomText(8 * 1024 * KIB));
    for (const payload of earlier) socket.write(handMade({ opcode: 1, payload }));
    ours.send('the last one');
    await waitFor(() => received.length === 3, { timeoutMs: 60_000, describe: 'all messages' });
    expect(received.map(({ data }) => String(data))).toEqual([...earlier.map(String), 'the last one']);
  });

  it('is told of when it was taken, and never while something is sent', async () => {
    const { ours, theirs } = await oursAsServer(cleanup);
    const received = recorded(theirs);
    let isSending = false;
    const told: boolean[] = [];
    ours.on('taken', () => told.push(isSending));
    isSending = true;
    for (let index = 0; index < 7; index += 1) ours.send(randomText(10_000)); // more than waits for the end of the turn
    isSending = false;
    await waitFor(() => received.length === 7 && told.length > 0, { timeoutMs: 60_000, describe: 'all messages' });
    expect(told).toEqual([false]);
  });

  it('ends a connection whose loss shows in a write', async () => {
    const { ours, theirs } = await oursAsServer(cleanup);
    ours.pause(); // what is not read does not show it
    const closed = once(ours, 'close');
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    (theirs as unknown as { _socket: Socket })._socket.resetAndDestroy();
    while (!isClosed) {
      ours.send('still there?');
      await new Promise(setImmediate);
    }
    expect(await closed).toEqual([1006, Buffer.alloc(0)]);
    expect(ours.bufferedAmount).toBe(0);
  });
});
