import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { connectWebSocket, useCleanup, waitFor } from '@codex-gateways/testing';
import { WebSocket } from 'ws';
import { PATIENCE_MS } from '../../test/patience.ts';
import { createWorld, get, type World, wsUrl } from '../../test/world.ts';
import { startWsBackend, type WsBackend } from '../../test/ws-backend.ts';
import type { AppGateway } from '../index.ts';

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const HIGH_WATER = 256 * KIBIBYTE;

/** The socket below a WebSocket of `ws`, to say on it what no WebSocket would. */
const rawSocketOf = (socket: WebSocket) => (socket as unknown as { _socket: Socket })._socket;

describe('peers that do what they should not', () => {
  const cleanup = useCleanup();
  let world: World;
  let backend: WsBackend;
  let gateway: AppGateway;

  beforeAll(async () => {
    [world, backend] = await Promise.all([createWorld(cleanup), startWsBackend(cleanup)]);
    gateway = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_MAX_FRAME_BYTES: String(MEBIBYTE),
      CXG_BUFFER_HIGH_WATER_BYTES: String(HIGH_WATER),
    });
  });

  async function ends(workspaceId = 'ws-1'): Promise<{ client: WebSocket; server: WebSocket }> {
    const accepted = backend.nextSocket();
    const client = await connectWebSocket({ url: wsUrl(gateway), bearer: `ast_${workspaceId}` });
    const server = await accepted;
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      cleanup.after(() => socket.terminate());
    }
    return { client, server };
  }

  const closeCodeOf = async (socket: WebSocket) => ((await once(socket, 'close')) as [number])[0];
  const bufferedBytes = async () =>
    Number(/cxg_app_buffered_bytes\{.*\} (\d+)/.exec((await get(gateway, '/metrics')).text)?.[1]);

  /** That a pair that was there before still gets through, both ways. */
  async function expectToWork({ client, server }: { client: WebSocket; server: WebSocket }): Promise<void> {
    const asked = once(server, 'message');
    client.send('{"id":1,"method":"model/list"}');
    expect(String((await asked)[0])).toBe('{"id":1,"method":"model/list"}');
    const told = once(client, 'message');
    server.send('{"id":1,"result":{}}');
    expect(String((await told)[0])).toBe('{"id":1,"result":{}}');
  }

  it.each([
    ['a masked frame', [0x81, 0x82, 1, 2, 3, 4, 0, 0]],
    ['reserved bits', [0xf1, 2, 0x7b, 0x7d]],
    ['an unknown opcode', [0x83, 0]],
    ['a length beyond all limits', [0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['a control frame in parts', [0x09, 1, 0]],
    ['a close with half a code', [0x88, 1, 3]],
  ])('an app-server that sends %s loses its client, who is told, and nobody else', async (_what, bytes) => {
    const bystanders = await ends();
    const { client, server } = await ends();
    const closed = closeCodeOf(client);
    rawSocketOf(server).write(Buffer.from(bytes));
    expect(await closed).toBe(1011);
    await expectToWork(bystanders);
  });

  it('an app-server whose text is not UTF-8 loses the client that reads it, and nobody else', async () => {
    const { client, server } = await ends();
    const closed = new Promise((resolve) => client.once('close', resolve));
    server.send(Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), { binary: false });
    await closed; // its own WebSocket found it
    await expectToWork(await ends());
  });

  it('a client that sends fragments without end is cut off at the limit of a message', async () => {
    const { client, server } = await ends();
    const closed = closeCodeOf(client);
    const upstreamClosed = once(server, 'close');
    const fragment = 'x'.repeat(16 * KIBIBYTE);
    let sent = 0;
    const send = () => {
      if (client.readyState !== WebSocket.OPEN || sent > 8 * MEBIBYTE) return;
      sent += fragment.length;
      client.send(fragment, { fin: false }, (error) => {
        if (!error) setImmediate(send);
      });
    };
    send();
    expect(await closed).toBe(1009);
    await upstreamClosed;
    expect(sent).toBeLessThan(8 * MEBIBYTE);
  });

  it('a client that sends empty fragments without end takes no memory, and stays alone with it', async () => {
    const bystanders = await ends();
    const { client } = await ends();
    const nothing = Buffer.from([0x00, 0x80, 0, 0, 0, 0]);
    rawSocketOf(client).write(Buffer.concat([Buffer.from([0x01, 0x80, 0, 0, 0, 0]), ...Array(10_000).fill(nothing)]));
    await expectToWork(bystanders);
    expect(await bufferedBytes()).toBe(0);
  });

  it('an app-server that floods a client which does not read is held back, and others go on at their pace', async () => {
    const bystanders = await ends('ws-2');
    const { client, server } = await ends();
    client.pause();
    const frame = `{"method":"item/agentMessage/delta","params":{"delta":"${'x'.repeat(200)}"}}`;
    const flood = frame.length * 100;
    for (let sent = 0; sent < 40 * MEBIBYTE; sent += flood) {
      for (let index = 0; index < 100; index += 1) server.send(frame);
    }
    await waitFor(async () => (await bufferedBytes()) >= HIGH_WATER, { timeoutMs: PATIENCE_MS, describe: 'the flood' });
    for (let round = 0; round < 20; round += 1) await expectToWork(bystanders);
    expect(await bufferedBytes()).toBeLessThan(2 * HIGH_WATER);
    client.terminate();
    await once(server, 'close');
    await waitFor(async () => (await bufferedBytes()) === 0, { timeoutMs: PATIENCE_MS, describe: 'nothing to wait' });
  });

  it('a client that never finishes its handshake holds nothing of anybody', async () => {
    const before = backend.upgrades.length;
    const halves = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connectSocket(Number(new URL(gateway.url).port), '127.0.0.1');
        cleanup.after(() => socket.destroy());
        await once(socket, 'connect');
        socket.write('GET / HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ast_ws-1\r\nUpgrade: websocket\r\n');
        return socket;
      }),
    );
    await expectToWork(await ends());
    expect(backend.upgrades.length).toBe(before + 1);
    for (const socket of halves) socket.destroy();
  });

  it('a client that hangs up while it is let in leaves nothing behind', async () => {
    const leave = async () => {
      const socket = connectSocket(Number(new URL(gateway.url).port), '127.0.0.1');
      await once(socket, 'connect');
      const lines = ['GET / HTTP/1.1', 'Host: gateway', 'Connection: Upgrade', 'Upgrade: websocket'];
      const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
      const request = `${[...lines, ...key, 'Authorization: Bearer ast_ws-leaving', '', ''].join('\r\n')}`;
      await new Promise((resolve) => socket.write(request, resolve));
      socket.destroy();
    };
    const connections = async () =>
      Number(/cxg_app_connections\{.*\} (\d+)/.exec((await get(gateway, '/metrics')).text)?.[1]);
    const open = await connections();
    await Promise.all(Array.from({ length: 30 }, leave));
    const client = await connectWebSocket({ url: wsUrl(gateway), bearer: 'ast_ws-leaving' });
    cleanup.after(() => client.terminate());
    const answer = once(client, 'message');
    client.send('{"id":1,"method":"command/exec","params":{}}');
    expect(String((await answer)[0])).toContain('"code":-32601');
    client.close();
    const isAsBefore = async () => (await connections()) <= open;
    await waitFor(isAsBefore, { timeoutMs: PATIENCE_MS, describe: 'those who left to be gone' });
  });
});
