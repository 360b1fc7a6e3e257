import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import type { WebSocket } from 'ws';
import type { AppGateway } from '../src/index.ts';
import { PATIENCE_MS } from './patience.ts';
import { createWorld, get, type World } from './world.ts';
import { startWsBackend } from './ws-backend.ts';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: { readonly threadId?: string };
}

/** How long the gateway waits for the end of a turn that it has interrupted. */
const INTERRUPT_MS = 5000;

describe('POST /api/turns, with an app-server that does not do its part', () => {
  const cleanup = useCleanup();
  let world: World;
  let gateway: AppGateway;
  let backendUrl: string;
  /** What the app-server does with a call instead of what it should; nothing when it returns true. */
  let misbehave: (call: Call, socket: WebSocket) => boolean;
  const calls: string[] = [];

  beforeAll(async () => {
    world = await createWorld(cleanup);
    const backend = await startWsBackend(cleanup);
    backend.onSocket((socket) => {
      socket.on('message', (data: Buffer) => {
        const call = JSON.parse(data.toString('utf8')) as Call;
        calls.push(call.method);
        if (!misbehave(call, socket)) answerAsItShould(call, socket);
      });
    });
    backendUrl = backend.url;
    gateway = await world.start({ CXG_APP_SERVER_URL: backend.url, CXG_MAX_TURNS_PER_WORKSPACE: '1' });
  });

  const post = (body: object, { url }: Pick<AppGateway, 'url'> = gateway) =>
    fetch(`${url}/api/turns`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ast_ws-1' },
      body: JSON.stringify(body),
    });

  it.each(['initialize', 'thread/start', 'turn/start'])(
    'ends in its time when %s is never answered, and gives its place back',
    async (method) => {
      misbehave = (call) => call.method === method;
      const answer = await post({ input: 'x', timeout_seconds: 1 });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).not.toBeNull();
      expect(await answer.json()).toMatchObject({ error: { code: 'interrupted' } });
      misbehave = () => false;
      expect(await (await post({ input: 'x' })).json()).toMatchObject({ status: 'completed', final_message: 'done' });
    },
  );

  it('interrupts a turn that begins only after its time', async () => {
    misbehave = (call, socket) => {
      if (call.method !== 'turn/start') return false;
      // Later than the turn may take, and before it is given up.
      setTimeout(() => socket.send(JSON.stringify({ id: call.id, result: { turn: { id: 'turn-1' } } })), 3500);
      return true;
    };
    const answer = await post({ input: 'x', timeout_seconds: 3 });
    expect(await answer.json()).toMatchObject({ turn_id: 'turn-1', status: 'interrupted' });
    expect(calls.at(-1)).toBe('turn/interrupt');
  });

  /** A gateway that shuts down while a turn is under way, and how its caller and the app-server hear of it. */
  async function shutDownInTurn(CXG_DRAIN_TIMEOUT: string, isInterruptHeeded: boolean) {
    const ending = await world.start({ CXG_APP_SERVER_URL: backendUrl, CXG_DRAIN_TIMEOUT });
    calls.length = 0;
    misbehave = ({ id, method }, socket) => {
      if (method === 'turn/interrupt') return !isInterruptHeeded;
      if (method !== 'turn/start') return false;
      socket.send(JSON.stringify({ id, result: { turn: { id: 'turn-1' } } }));
      return true;
    };
    const answered = post({ input: 'x' }, ending);
    await waitFor(() => calls.includes('turn/start'), { timeoutMs: PATIENCE_MS, describe: 'the turn' });
    const startedAtMs = performance.now();
    const [answer] = await Promise.all([answered, ending.drain()]);
    return { answer, body: await answer.json(), drainedMs: performance.now() - startedAtMs };
  }

  it('interrupts its turn when the gateway shuts down, since nobody else would', async () => {
    const { answer, body, drainedMs } = await shutDownInTurn('60s', true);
    expect(answer.status).toBe(200);
    expect(body).toMatchObject({ status: 'interrupted', error: { message: 'the gateway is shutting down' } });
    expect(calls.at(-1)).toBe('turn/interrupt');
    expect(drainedMs).toBeLessThan(INTERRUPT_MS);
  });

  it('does not hold up a gateway that shuts down when it does not heed the interruption', async () => {
    const { answer, body } = await shutDownInTurn('1s', false);
    // Had it been waited for, there would be a result.
    expect(answer.status).toBe(503);
    expect(body).toMatchObject({ error: { code: 'connection_ended' } });
    expect(calls.at(-1)).toBe('turn/interrupt');
  });

  it.each([[{}], [null], [{ thread: { id: 7 } }]])('is 502 when a thread is %j', async (result) => {
    misbehave = ({ id, method }, socket) => {
      if (method !== 'thread/start') return false;
      socket.send(JSON.stringify({ id, result }));
      return true;
    };
    const answer = await post({ input: 'x' });
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 502,
      body: { error: { code: 'refused_by_app_server' } },
    });
  });

  it('goes on whatever else the app-server says', async () => {
    const oddities = ['null', '5', '"text"', '[]', '[null]', 'not JSON', '{"method":5}', '{"method":null,"id":null}'];
    const methods = [
      'warning',
      'item/completed',
      'turn/completed',
      'item/agentMessage/delta',
      'thread/tokenUsage/updated',
    ];
    for (const method of methods) {
      for (const params of [null, 5, 'text', [], {}]) oddities.push(JSON.stringify({ method, params }));
    }
    oddities.push('{"id":1}', '{"id":null,"result":5}', '{"id":{},"error":null}', '{"id":2,"error":5}');
    misbehave = ({ method, id }, socket) => {
      if (method !== 'turn/start') for (const text of oddities.slice(0, -1)) socket.send(text);
      if (method === 'turn/interrupt') socket.send(JSON.stringify({ id, error: 5 }));
      return false;
    };
    const answer = await post({ input: 'x' });
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 200,
      body: { status: 'completed' },
    });
  });

  it('reads no more from the app-server than the caller of a stream reads', async () => {
    let sentBytes = 0;
    let isWriting = true;
    misbehave = ({ id, method, params }, socket) => {
      if (method !== 'turn/start') return false;
      socket.send(JSON.stringify({ id, result: { turn: { id: 'turn-1' } } }));
      const delta = { threadId: params.threadId, turnId: 'turn-1', itemId: 'item-1', delta: 'x'.repeat(100_000) };
      const write = () => {
        if (!isWriting || sentBytes > 400_000_000) return;
        sentBytes += 100_000;
        socket.send(JSON.stringify({ method: 'item/agentMessage/delta', params: delta }), write);
      };
      write();
      return true;
    };
    const { stream, leave } = await openStream(gateway);
    cleanup.after(leave);
    stream.pause();
    let before = -1;
    await waitFor(
      async () => {
        const hasStopped = sentBytes === before;
        before = sentBytes;
        return hasStopped;
      },
      {
        timeoutMs: PATIENCE_MS,
        intervalMs: 300,
        describe: () => `the app-server to be held up, after ${sentBytes} bytes`,
      },
    );
    expect(sentBytes).toBeLessThan(100_000_000);
    isWriting = false;
    leave();
    await waitFor(async () => /cxg_app_connections\{.*\} 0/.test((await get(gateway, '/metrics')).text), {
      timeoutMs: PATIENCE_MS,
      describe: 'the turn to be over',
    });
  });
});

function answerAsItShould({ id, method, params }: Call, socket: WebSocket): void {
  const { threadId } = params ?? {};
  const send = (message: object) => socket.send(JSON.stringify(message));
  if (method === 'initialize') send({ id, result: {} });
  if (method === 'thread/start') send({ id, result: { thread: { id: 'thread-1' } } });
  if (method === 'turn/interrupt') {
    send({ method: 'turn/completed', params: { threadId, turn: { id: 'turn-1', status: 'interrupted' } } });
  }
  if (method !== 'turn/start') return;
  const turnId = 'turn-1';
  send({ id, result: { turn: { id: turnId } } });
  const item = { type: 'agentMessage', id: 'item-1', text: 'done' };
  send({ method: 'item/completed', params: { threadId, turnId, item } });
  send({ method: 'turn/completed', params: { threadId, turn: { id: turnId, status: 'completed' } } });
}

/** The answer to a turn as stream, of which nothing is read yet. */
async function openStream({ url }: AppGateway): Promise<{ stream: IncomingMessage; leave: () => void }> {
  const sent = request(`${url}/api/turns`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer ast_ws-1',
      accept: 'text/event-stream',
    },
  });
  sent.on('error', () => undefined);
  sent.end(JSON.stringify({ input: 'x' }));
  const [stream] = (await once(sent, 'response')) as [IncomingMessage];
  stream.on('error', () => undefined);
  return { stream, leave: () => sent.destroy() };
}
