import { promisify } from 'node:util';
import { collectGarbage, waitFor } from '@codex-gateways/testing';
import { frame, readReset } from '../../test/support/frames.ts';
import { useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import type { Peer } from '../../test/support/peer.ts';

const MIB = 1024 * 1024;
const HIGH_WATER_BYTES = 256 * 1024;

/** Sends and waits until the frame has left this process, as a sender with backpressure of its own does. */
function sendAndFlush(peer: Peer, bytes: Buffer): Promise<void> {
  return promisify<Buffer, object, void>(peer.ws.send.bind(peer.ws))(bytes, { binary: true });
}

describe('the relay: peers that do not keep up', () => {
  const gateway = useExecGateway({
    CXG_HARNESS_BUFFER_BYTES: String(MIB),
    CXG_EXECUTOR_HIGH_WATER_BYTES: String(HIGH_WATER_BYTES),
    CXG_EXECUTOR_BUFFER_BYTES: String(4 * MIB),
  });

  const trio = async () => {
    const exeId = await gateway.bound();
    const { peer: executor } = await gateway.online(exeId);
    const [slow, quick] = [await gateway.harness(exeId), await gateway.harness(exeId, { turnId: 'turn-quick' })];
    slow.send(frame('resume', 'slow'));
    quick.send(frame('resume', 'quick'));
    await executor.receive(2);
    return { executor, slow, quick };
  };

  it('cuts a harness that does not read, in bounded memory, and delays no other stream', async () => {
    const { executor, slow, quick } = await trio();
    slow.ws.pause();
    const payload = Buffer.alloc(64 * 1024);
    const heldBytes = async () => {
      await collectGarbage(); // which else waits for a quiet moment
      return process.memoryUsage().arrayBuffers;
    };
    const before = await heldBytes();
    let most = 0;
    let sent = 0;
    while (!executor.frames.some((bytes) => readReset(bytes)?.streamId === 'slow')) {
      await sendAndFlush(executor, frame('data', 'slow', payload));
      await sendAndFlush(executor, frame('data', 'quick', String(sent)));
      sent += 1;
      if (sent % 16 === 0) most = Math.max(most, (await heldBytes()) - before);
      if (sent > 3000) throw new Error('the slow harness was never cut');
    }
    expect(most).toBeLessThan(8 * MIB);
    const received = await quick.receive(sent);
    expect(received.map((bytes) => bytes.subarray(-String(sent).length).toString())).toHaveLength(sent);
    slow.ws.resume();
    await slow.waitForClose();
    expect(await gateway.metric('codex_exec_dropped_frames_total{reason="harness_buffer_full"}')).toBe(1);
    expect(executor.closed).toBeUndefined();
  });

  it('counts tiny frames by what they cost, not by their few bytes', async () => {
    const { executor, slow } = await trio();
    slow.ws.pause();
    const tiny = frame('data', 'slow', 'x');
    let sent = 0;
    while (!executor.frames.some((bytes) => readReset(bytes)?.streamId === 'slow')) {
      for (let burst = 0; burst < 1000; burst += 1) executor.send(tiny);
      await sendAndFlush(executor, tiny);
      sent += 1001;
      if (sent > 3_000_000) throw new Error('the slow harness was never cut');
    }
    slow.ws.terminate();
    expect(executor.closed).toBeUndefined();
  }, 60_000);

  it('pauses the harnesses of an executor that does not read, and loses nothing', async () => {
    const { executor, slow: first, quick: second } = await trio();
    executor.ws.pause();
    const count = 400;
    const payload = Buffer.alloc(64 * 1024 - 64);
    for (let index = 0; index < count; index += 1) {
      first.send(frame('data', 'slow', Buffer.concat([payload, Buffer.from(`a${index}`)])));
      second.send(frame('data', 'quick', Buffer.concat([payload, Buffer.from(`b${index}`)])));
    }
    // What the gateway does not read stays here: 50 MiB were sent, and a few MiB went into sockets on the way.
    await waitFor(() => settled(first) && settled(second), {
      timeoutMs: PATIENCE_MS,
      describe: () => `the senders to be held up: ${[first, second, executor].map(stateOf)}`,
    });
    expect(first.ws.bufferedAmount + second.ws.bufferedAmount).toBeGreaterThan(20 * MIB);
    expect(executor.closed).toBeUndefined();
    executor.ws.resume();
    const received = (await executor.receive(2 + 2 * count)).slice(2);
    const order = (letter: string) =>
      received
        .map(
          (bytes) =>
            bytes
              .subarray(-5)
              .toString()
              .match(/[ab]\d+$/)?.[0] ?? '',
        )
        .filter((mark) => mark.startsWith(letter));
    expect(order('a')).toEqual(Array.from({ length: count }, (_, index) => `a${index}`));
    expect(order('b')).toEqual(Array.from({ length: count }, (_, index) => `b${index}`));
  });

  it('takes a paused harness along when the executor leaves', async () => {
    const { executor, slow } = await trio();
    executor.ws.pause();
    const bytes = frame('data', 'slow', Buffer.alloc(60_000));
    // What the system takes on the way depends on how busy it is: the gateway itself says when it holds the harness up.
    const waiting = async () => (await gateway.metric('codex_exec_buffered_bytes{direction="to_executor"}')) ?? 0;
    for (let turn = 0; (await waiting()) < HIGH_WATER_BYTES; turn += 1) {
      expect(slow.closed).toBeUndefined();
      expect(turn).toBeLessThan(100);
      for (let sent = 0; sent < 20; sent += 1) slow.send(bytes);
      await new Promise(setImmediate);
    }
    executor.ws.terminate();
    expect(await slow.waitForClose()).toMatchObject({ code: expect.any(Number) });
  });

  const stateOf = ({ ws, closed }: Peer) => JSON.stringify({ left: ws.bufferedAmount, closed });

  /** Whether nothing more has left a peer's buffer between two looks. */
  const lastSeen = new WeakMap<Peer, number>();
  const settled = (peer: Peer) => {
    const isSettled = lastSeen.get(peer) === peer.ws.bufferedAmount && peer.ws.bufferedAmount > 0;
    lastSeen.set(peer, peer.ws.bufferedAmount);
    return isSettled;
  };
});
