import { useCleanup, waitFor } from '@codex-gateways/testing';
import { type FrameSocket, READY_STATES, SocketMemory } from '@codex-gateways/websocket';
import { PATIENCE_MS } from '../../test/patience.ts';
import { startWsBackend } from '../../test/ws-backend.ts';
import { Deadline } from '../deadline.ts';
import { createAppServerDialer } from './dial-app-server.ts';
import { Outlet } from './outlet.ts';

describe('the sending side of a socket', () => {
  const cleanup = useCleanup();
  const frame = 'x'.repeat(64 * 1024);

  /** An outlet to a peer that reads when it is told to. */
  async function outlet({ highWaterBytes, capBytes }: { highWaterBytes: number; capBytes: number }) {
    const backend = await startWsBackend(cleanup);
    const accepted = backend.nextSocket();
    const dialAppServer = createAppServerDialer({ maxFrameBytes: 1024, dialTimeoutMs: PATIENCE_MS });
    const deadline = new Deadline(PATIENCE_MS);
    const socket = await dialAppServer({ url: backend.url, headers: {} }, { deadline, memory: new SocketMemory() });
    deadline.clear();
    socket.resume();
    cleanup.after(() => socket.terminate());
    const peer = await accepted;
    peer.pause();
    let overflows = 0;
    const overflow = () => {
      overflows += 1;
    };
    const made = new Outlet(socket, { highWaterBytes, capBytes }, { overflow, progress: () => undefined });
    return { made, peer, socket, overflows: () => overflows };
  }

  /** Sends until the system takes no more, and then more than `bytes` on top of that. */
  async function fill({ made, socket }: { made: Outlet; socket: FrameSocket }, bytes: number): Promise<void> {
    const mayTakeMore = async () => {
      // One that is closed takes nothing, and would be filled for ever.
      while (made.bufferedBytes < bytes && socket.readyState === READY_STATES.open) made.send(frame);
      await new Promise((resolve) => setImmediate(resolve));
      return made.bufferedBytes >= bytes;
    };
    await waitFor(mayTakeMore, { timeoutMs: PATIENCE_MS, describe: 'the system to be full', intervalMs: 5 });
  }

  it('is full from the high water mark until half of it is left, and says so once', async () => {
    const filled = await outlet({ highWaterBytes: 1024 * 1024, capBytes: 1024 ** 3 });
    const { made, peer } = filled;
    made.send(frame);
    expect(made.isFull).toBe(false);
    await fill(filled, 1024 * 1024);
    expect(made.isFull).toBe(true);
    const left: number[] = [];
    made.onceDrained(() => left.push(made.bufferedBytes));
    peer.resume();
    await waitFor(() => made.bufferedBytes === 0, { timeoutMs: PATIENCE_MS, describe: 'everything to be sent' });
    expect(left).toEqual([expect.any(Number)]);
    expect(left[0]).toBeLessThanOrEqual(512 * 1024);
    expect(made.isFull).toBe(false);
  });

  it('tells of a sender that did not stop at all', async () => {
    const filled = await outlet({ highWaterBytes: 64 * 1024, capBytes: 1024 * 1024 });
    const { made, overflows } = filled;
    await fill(filled, 1024 * 1024);
    for (let sent = 0; sent < 3; sent += 1) made.send(frame);
    expect(overflows()).toBeGreaterThan(0);
  });

  it('takes nothing any more when the socket is closed', async () => {
    const { made, socket } = await outlet({ highWaterBytes: 1, capBytes: 2 });
    socket.terminate();
    await waitFor(() => socket.readyState === READY_STATES.closed, {
      timeoutMs: PATIENCE_MS,
      describe: 'the socket to close',
    });
    made.send(frame);
    expect(made.bufferedBytes).toBe(0);
  });
});
