import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { useCleanup } from '@codex-gateways/testing';
import { FrameSocket, SocketMemory } from '@codex-gateways/websocket';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import { ExecutorConnection } from './executor-connection.ts';

/** Soon enough that a look at a clock would take it for an answer. */
const SOON_MS = 50;
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
/** Code 1000, masked with zeros. */
const CLOSE_FRAME = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

describe('the connection of an executor', () => {
  const cleanup = useCleanup();
  const server = createServer();

  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    cleanup.after(() => server.close());
  });

  const open = async ({ closeTimeoutMs, onEvictedAlive }: { closeTimeoutMs: number; onEvictedAlive: () => void }) => {
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
    peer.on('error', () => undefined);
    cleanup.after(() => peer.destroy());
    const [socket] = (await once(server, 'connection')) as [Socket];
    const ws = new FrameSocket(socket, {
      ...{ role: 'server', maxMessageBytes: 1024, memory: new SocketMemory() },
      closeTimeoutMs,
    });
    const identity = { exeId: 'exe', connectionId: 'c', connectionNumber: 1n, registrationId: 'r' };
    const connection = new ExecutorConnection(
      { ws, socket },
      { ...identity, generation: 'noise' },
      { relay: {} as ExecutorConnection['relay'], onEnd: () => undefined, onEvictedAlive },
    );
    return { peer, ws, connection };
  };

  /** Replaces the connection, and gives whether its process was there. */
  const evictedAlive = async (closeTimeoutMs: number, whenTold: (peer: Socket) => void): Promise<boolean> => {
    let isAlive = false;
    const onEvictedAlive = () => {
      isAlive = true;
    };
    const { peer, ws, connection } = await open({ closeTimeoutMs, onEvictedAlive });
    const closed = once(ws, 'close');
    peer.once('data', () => whenTold(peer));
    connection.close('replaced', 'a newer connection of this executor has opened');
    await closed;
    return isAlive;
  };

  it('was half open when its place is taken, nobody answers and it has to be cut', async () => {
    expect(await evictedAlive(SOON_MS, () => undefined)).toBe(false);
  });

  it.each([
    ['hangs up', (peer: Socket) => peer.end()],
    ['resets it', (peer: Socket) => peer.resetAndDestroy()],
    ['answers with a close frame', (peer: Socket) => peer.write(CLOSE_FRAME)],
  ])('was alive when its place is taken and its process %s', async (_what, whenTold) => {
    expect(await evictedAlive(PATIENCE_MS, whenTold)).toBe(true);
  });

  it('keeps nothing of proofs that are over', async () => {
    const { peer, ws, connection } = await open({ closeTimeoutMs: PATIENCE_MS, onEvictedAlive: () => undefined });
    const listeners = () => [ws.listenerCount('pong'), ws.listenerCount('close')];
    const before = listeners();
    peer.on('data', () => peer.write(PONG));
    for (let round = 0; round < 20; round += 1) expect(await connection.proveAlive()).toBe(true);
    expect(listeners()).toEqual(before);
  });

  it('is not cut for an answer that came in time, when it is the gateway that has stood still', async () => {
    const { peer, connection } = await open({ closeTimeoutMs: PATIENCE_MS, onEvictedAlive: () => undefined });
    peer.once('data', () => {
      peer.write(PONG);
      standStill(2500);
    });
    expect(await connection.proveAlive()).toBe(true);
    expect(connection.isOver).toBe(false);
  });
});

function standStill(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}
