import { once } from 'node:events';
import { connectWebSocket, useCleanup, waitFor } from '@codex-gateways/testing';
import type { WebSocket } from 'ws';
import { PATIENCE_MS } from '../../test/patience.ts';
import { createWorld, get, type World, wsUrl } from '../../test/world.ts';
import { startWsBackend, type WsBackend } from '../../test/ws-backend.ts';
import type { AppGateway } from '../index.ts';

const MEBIBYTE = 1024 * 1024;

describe('a proxied connection', () => {
  const cleanup = useCleanup();
  let world: World;
  let backend: WsBackend;
  let gateway: AppGateway;

  beforeAll(async () => {
    [world, backend] = await Promise.all([createWorld(cleanup), startWsBackend(cleanup)]);
    gateway = await world.start({ CXG_APP_SERVER_URL: backend.url });
  });

  /** Both ends of one connection through a gateway. */
  async function ends(through = gateway): Promise<{ client: WebSocket; server: WebSocket }> {
    const accepted = backend.nextSocket();
    const client = await connectWebSocket({ url: wsUrl(through), bearer: 'ast_ws-1' });
    client.on('error', () => undefined);
    cleanup.after(() => client.terminate());
    return { client, server: await accepted };
  }

  const nextText = async (socket: WebSocket) => String((await once(socket, 'message'))[0]);
  const closeOf = async (socket: WebSocket) => {
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    return { code, reason: String(reason) };
  };

  it('carries frames both ways as they are', async () => {
    const { client, server } = await ends();
    const asked = '{ "id" : 1.0e0,\t"method":"thread/list", "params":{"searchTerm":"\\u00e9 \u00e9 😀","limit":1e2} }';
    const received = nextText(server);
    client.send(asked);
    expect(await received).toBe(asked);
    const answered = '{"id":1,"result":{"big":12345678901234567890,"dup":1,"dup":2}}';
    const answer = once(client, 'message');
    server.send(answered);
    const [data, isBinary] = (await answer) as [Buffer, boolean];
    expect({ text: String(data), isBinary }).toEqual({ text: answered, isBinary: false });
  });

  it('keeps the order of many frames, and loses none', async () => {
    const { client, server } = await ends();
    const count = 5000;
    const received: number[] = [];
    server.on('message', (data) => received.push((JSON.parse(String(data)) as { id: number }).id));
    for (let id = 0; id < count; id += 1) client.send(`{"id":${id},"method":"account/read"}`);
    await waitFor(() => received.length === count, { timeoutMs: PATIENCE_MS, describe: 'all frames' });
    expect(received).toEqual(Array.from({ length: count }, (_, id) => id));
  });

  it('answers in the place of the app-server what the guard refuses, and goes on', async () => {
    const { client, server } = await ends();
    const received: string[] = [];
    server.on('message', (data) => received.push(String(data)));
    const answers: { id: unknown; error?: { code: number } }[] = [];
    client.on('message', (data) => answers.push(JSON.parse(String(data))));
    client.send('{"id":1,"method":"command/exec","params":{"command":["id"]}}');
    client.send('not json');
    client.send('{"method":"process/spawn"}');
    client.send('{"id":2,"method":"model/list"}');
    await waitFor(() => received.length > 0 && answers.length === 2, {
      timeoutMs: PATIENCE_MS,
      describe: 'the answers',
    });
    expect(received).toEqual(['{"id":2,"method":"model/list"}']);
    expect(answers).toMatchObject([
      { id: 1, error: { code: -32601 } },
      { id: null, error: { code: -32700 } },
    ]);
    const { text } = await get(gateway, '/metrics');
    expect(text).toMatch(/cxg_app_refused_messages_total\{method="command\/exec",why="method".*\} 1/);
    expect(text).toMatch(/cxg_app_refused_messages_total\{method="process\/spawn",why="method".*\} 1/);
  });

  it('ends with 1003 for a binary frame, which nobody sends', async () => {
    const { client } = await ends();
    client.send(Buffer.from('{"id":1,"method":"command/exec"}'));
    expect(await closeOf(client)).toMatchObject({ code: 1003 });
  });

  it('ends for text that is not UTF-8', async () => {
    const { client, server } = await ends();
    const closed = closeOf(server);
    client.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect(await closeOf(client)).toMatchObject({ code: 1007 });
    await closed;
  });

  it.each([
    [1000, 'done'],
    [1001, 'restarting'],
    [3999, ''],
    [4999, 'ours'],
  ])('ends for the client as for the app-server: %i %j', async (code, reason) => {
    const { client, server } = await ends();
    const closed = closeOf(client);
    server.close(code, reason);
    expect(await closed).toEqual({ code, reason });
  });

  it.each([
    [1000, 'bye'],
    [4000, 'ours'],
  ])('ends for the app-server as for the client: %i %j', async (code, reason) => {
    const { client, server } = await ends();
    const closed = closeOf(server);
    client.close(code, reason);
    expect(await closed).toEqual({ code, reason });
  });

  it('ends with 1011 and words when the app-server breaks off, and for the app-server when the client does', async () => {
    const one = await ends();
    const closed = closeOf(one.client);
    one.server.terminate();
    expect(await closed).toEqual({ code: 1011, reason: 'the connection to the app-server broke' });
    const other = await ends();
    const ended = closeOf(other.server);
    other.client.terminate();
    await ended;
  });

  it('ends with 1000 for the app-server when the client gives no code', async () => {
    const { client, server } = await ends();
    const closed = closeOf(server);
    client.close();
    expect(await closed).toEqual({ code: 1000, reason: '' });
  });

  it('gives its place back, however it ends', async () => {
    const roomy = await world.start({ CXG_APP_SERVER_URL: backend.url });
    const left = async () => Number(/cxg_app_connections\{.*\} (\d+)/.exec((await get(roomy, '/metrics')).text)?.[1]);
    const all = [await ends(roomy), await ends(roomy), await ends(roomy), await ends(roomy)] as const;
    expect(await left()).toBe(4);
    all[0].client.close();
    all[1].server.close();
    all[2].client.terminate();
    all[3].server.terminate();
    await waitFor(async () => (await left()) === 0, { timeoutMs: PATIENCE_MS, describe: 'no connection' });
  });

  it('takes frames up to the limit both ways, and ends with 1009 one byte above', async () => {
    const small = await world.start({ CXG_APP_SERVER_URL: backend.url, CXG_MAX_FRAME_BYTES: String(MEBIBYTE) });
    const frameOf = (sizeBytes: number) => {
      const shell = '{"id":1,"method":"turn/interrupt","params":{"threadId":""}}';
      return shell.replace('""', `"${'x'.repeat(sizeBytes - shell.length)}"`);
    };
    const { client, server } = await ends(small);
    const received = nextText(server);
    client.send(frameOf(MEBIBYTE));
    expect(await received).toHaveLength(MEBIBYTE);
    const answer = nextText(client);
    server.send('y'.repeat(MEBIBYTE));
    expect(await answer).toHaveLength(MEBIBYTE);
    const closed = closeOf(client);
    client.send(frameOf(MEBIBYTE + 1));
    expect(await closed).toMatchObject({ code: 1009 });
    const other = await ends(small);
    const otherClosed = closeOf(other.client);
    other.server.send('y'.repeat(MEBIBYTE + 1));
    expect((await otherClosed).code).toBe(1011);
  });

  it('pings both sides, and drops a client that gives no sign of life', async () => {
    const lively = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_PING_INTERVAL: '100ms',
      CXG_PING_TIMEOUT: '500ms',
    });
    const { client, server } = await ends(lively);
    await Promise.all([once(client, 'ping'), once(server, 'ping')]);
    const closed = closeOf(server);
    const deaf = client as unknown as { _receiver: { removeAllListeners(name: string): void } };
    deaf._receiver.removeAllListeners('ping'); // it still reads, and answers nothing
    expect(await closed).toEqual({ code: 4408, reason: 'no sign of life from the client' });
  });

  it('tells the client when the app-server gives no sign of life', async () => {
    const lively = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_PING_INTERVAL: '100ms',
      CXG_PING_TIMEOUT: '500ms',
    });
    const { client, server } = await ends(lively);
    const closed = closeOf(client);
    server.pause();
    expect(await closed).toEqual({ code: 1011, reason: 'the app-server gives no sign of life' });
    server.terminate();
  });

  it('ends when nobody says anything for a long time, pings or not', async () => {
    const idle = await world.start({
      CXG_APP_SERVER_URL: backend.url,
      CXG_PING_INTERVAL: '100ms',
      CXG_CONNECTION_IDLE_TIMEOUT: '1s',
    });
    const startedAtMs = performance.now();
    const { client, server } = await ends(idle);
    server.send('{"method":"x"}');
    expect(await closeOf(client)).toEqual({ code: 1000, reason: 'no message for a long time' });
    expect(performance.now() - startedAtMs).toBeGreaterThan(900);
  });

  it('ends with 4401 when its token is revoked, or of another workspace now; it stays while nobody can tell', async () => {
    const watchful = await world.start({ CXG_APP_SERVER_URL: backend.url, CXG_REVERIFY_INTERVAL: '100ms' });
    const { agentserver } = world;
    const answer = agentserver.answer;
    const asked = async (times: number) => {
      const before = world.verifications();
      await waitFor(() => world.verifications() >= before + times, {
        timeoutMs: PATIENCE_MS,
        describe: 'verifications',
      });
    };
    const { client, server } = await ends(watchful);
    const told = closeOf(client);
    const ended = closeOf(server);
    agentserver.answer = () => ({ status: 503, body: {} });
    await asked(3);
    agentserver.answer = answer;
    await asked(3);
    expect(client.readyState).toBe(client.OPEN);
    agentserver.answer = () => ({ status: 401, body: { error: 'invalid_token' } });
    expect(await told).toEqual({ code: 4401, reason: 'the remote token is no longer valid' });
    await ended;
    agentserver.answer = answer;
    const moved = await ends(watchful);
    const movedTold = closeOf(moved.client);
    agentserver.answer = () => ({ status: 200, body: { user_id: 'user-of-ws-1', workspace_id: 'ws-2' } });
    expect((await movedTold).code).toBe(4401);
    agentserver.answer = answer;
  });

  it('closes its clients with 1001 and words when the gateway drains', async () => {
    const draining = await world.start({ CXG_APP_SERVER_URL: backend.url });
    const { client, server } = await ends(draining);
    const closed = Promise.all([closeOf(client), closeOf(server)]);
    await draining.drain();
    const expected = { code: 1001, reason: 'the gateway is shutting down; connect again' };
    expect(await closed).toEqual([expected, expected]);
  });
});
