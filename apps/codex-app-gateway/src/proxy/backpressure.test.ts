import { connectWebSocket, useCleanup, waitFor } from '@codex-gateways/testing';
import type { WebSocket } from 'ws';
import { PATIENCE_MS } from '../../test/patience.ts';
import { createWorld, get, type World, wsUrl } from '../../test/world.ts';
import { startWsBackend, type WsBackend } from '../../test/ws-backend.ts';
import type { AppGateway } from '../index.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const HIGH_WATER = 256 * KIBIBYTE;
// Frames that were read already when reading paused, and what one more reading brings.
const SLACK = 256 * KIBIBYTE;
// Some 90 MiB in all: more than the system's own buffers take on the way.
const COUNT = 1500;

describe('backpressure', () => {
  const cleanup = useCleanup();
  let world: World;
  let backend: WsBackend;
  let gateway: AppGateway;

  beforeAll(async () => {
    [world, backend] = await Promise.all([createWorld(cleanup), startWsBackend(cleanup)]);
    gateway = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_BUFFER_HIGH_WATER_BYTES: String(HIGH_WATER),
      CXG_PING_INTERVAL: '100ms',
      CXG_PING_TIMEOUT: '1m',
    });
  });

  async function ends(): Promise<{ client: WebSocket; server: WebSocket }> {
    const accepted = backend.nextSocket();
    const client = await connectWebSocket({ url: wsUrl(gateway), bearer: 'ast_ws-1' });
    cleanup.after(() => client.terminate());
    return { client, server: await accepted };
  }

  const bufferedBytes = async () =>
    Number(/cxg_app_buffered_bytes\{.*\} (\d+)/.exec((await get(gateway, '/metrics')).text)?.[1]);

  /** Until nothing moves any more: what is to be sent stays the same for a while. */
  async function settled(sender: WebSocket): Promise<void> {
    let before = -1;
    let same = 0;
    await waitFor(
      () => {
        same = sender.bufferedAmount === before ? same + 1 : 0;
        before = sender.bufferedAmount;
        return same >= 10;
      },
      { timeoutMs: PATIENCE_MS, describe: 'the flood to stand', intervalMs: 30 },
    );
  }

  it('stops reading from an app-server whose client does not read, and loses nothing', async () => {
    const { client, server } = await ends();
    client.pause();
    const frame = `{"method":"item/delta","params":{"delta":"${'x'.repeat(64 * KIBIBYTE)}"}}`;
    const count = COUNT;
    for (let sent = 0; sent < count; sent += 1) server.send(frame);
    await settled(server);
    expect(server.bufferedAmount).toBeGreaterThan(MEBIBYTE);
    const waiting = await bufferedBytes();
    expect(waiting).toBeGreaterThanOrEqual(HIGH_WATER);
    expect(waiting).toBeLessThan(HIGH_WATER + SLACK);
    let received = 0;
    client.on('message', () => {
      received += 1;
    });
    client.resume();
    await waitFor(() => received === count, { timeoutMs: PATIENCE_MS, describe: 'every frame' });
    await waitFor(async () => (await bufferedBytes()) === 0, { timeoutMs: PATIENCE_MS, describe: 'nothing to wait' });
  });

  it('stops reading from a client that floods an app-server which does not read, and loses nothing', async () => {
    const { client, server } = await ends();
    server.pause();
    const frame = `{"id":1,"method":"thread/search","params":{"searchTerm":"${'x'.repeat(64 * KIBIBYTE)}"}}`;
    const count = COUNT;
    for (let sent = 0; sent < count; sent += 1) client.send(frame);
    await settled(client);
    expect(client.bufferedAmount).toBeGreaterThan(MEBIBYTE);
    const waiting = await bufferedBytes();
    expect(waiting).toBeGreaterThanOrEqual(HIGH_WATER);
    expect(waiting).toBeLessThan(HIGH_WATER + SLACK);
    let received = 0;
    server.on('message', () => {
      received += 1;
    });
    server.resume();
    await waitFor(() => received === count, { timeoutMs: PATIENCE_MS, describe: 'every frame' });
  });

  it('stops reading from a client that asks for refusals and does not read them', async () => {
    const { client, server } = await ends();
    client.pause();
    const method = `nobody/${'x'.repeat(60)}`;
    const frame = JSON.stringify({ id: 'y'.repeat(4 * KIBIBYTE), method });
    for (let sent = 0; sent < 20_000; sent += 1) client.send(frame);
    await settled(client);
    expect(client.bufferedAmount).toBeGreaterThan(MEBIBYTE);
    // Answers are larger than what they answer, and one reading brings many.
    expect(await bufferedBytes()).toBeLessThan(HIGH_WATER + 4 * SLACK);
    client.terminate();
    server.terminate();
    await waitFor(async () => (await bufferedBytes()) === 0, { timeoutMs: PATIENCE_MS, describe: 'nothing to wait' });
  });

  it('lets a client that reads slowly live, however long it takes', async () => {
    const impatient = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_BUFFER_HIGH_WATER_BYTES: String(HIGH_WATER),
      CXG_PING_INTERVAL: '100ms',
      CXG_PING_TIMEOUT: '600ms',
    });
    const accepted = backend.nextSocket();
    const client = await connectWebSocket({ url: wsUrl(impatient), bearer: 'ast_ws-1' });
    cleanup.after(() => client.terminate());
    const server = await accepted;
    const count = 400;
    for (let sent = 0; sent < count; sent += 1) server.send('x'.repeat(64 * KIBIBYTE));
    let received = 0;
    client.on('message', () => {
      received += 1;
      if (received % 20 !== 0) return;
      client.pause(); // a slow reader: 25 MiB in some two seconds
      setTimeout(() => client.resume(), 100);
    });
    await waitFor(() => received === count, { timeoutMs: PATIENCE_MS, describe: 'every frame' });
    expect(client.readyState).toBe(client.OPEN);
  });
});
