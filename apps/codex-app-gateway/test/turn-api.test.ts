import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import {
  lastToolOutput,
  lastUserText,
  type ModelServer,
  refuse,
  runCommand,
  say,
  startModelServer,
  useCleanup,
  waitFor,
} from '@codex-gateways/testing';
import { z } from 'zod';
import type { AppGateway } from '../src/index.ts';
import { PATIENCE_MS } from './patience.ts';
import { startStandIn } from './stand-in.ts';
import { connect, createWorld, get, type World } from './world.ts';

const SECRET = 'secret-of-other-services';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { error?: { code: string; message: string } | null };
}

describe('POST /api/turns, with the real app-server', () => {
  const cleanup = useCleanup();
  let world: World;
  let model: ModelServer;
  let gateway: AppGateway;

  beforeAll(async () => {
    world = await createWorld(cleanup);
    model = await startModelServer({
      script: (request) => {
        const text = lastUserText(request) ?? '';
        if (text.includes('fail')) return refuse(400, 'the model says no');
        if (text.includes('run') && lastToolOutput(request) === undefined) return runCommand('true');
        return say(`you said: ${text}`);
      },
    });
    cleanup.after(() => model.close());
    gateway = await world.start({
      CXG_MODEL_PROVIDER_BASE_URL: model.url,
      CXG_CODEX_API_KEY: 'key-of-the-model',
      CXG_APP_INTERNAL_SECRET: SECRET,
      CXG_MAX_TURNS_PER_WORKSPACE: '2',
      CXG_MAX_TURN_BODY_BYTES: '2048',
    });
  });

  const bearer = (workspaceId = 'ws-1') => ({ authorization: `Bearer ast_${workspaceId}` });
  const send = (body: unknown, headers: Record<string, string> = bearer(), signal?: AbortSignal) =>
    fetch(`${gateway.url}/api/turns`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  async function post(body: unknown, headers?: Record<string, string>): Promise<Answer> {
    const answer = await send(body, headers);
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answer['body'] };
  }

  it('runs a turn to its end', async () => {
    const { status, body } = await post({ input: 'hello' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'completed', final_message: 'you said: hello', error: null });
    expect((body.items as { type: string }[]).map(({ type }) => type)).toEqual(['userMessage', 'agentMessage']);
    expect(body.usage).toMatchObject({ input_tokens: 1, output_tokens: 1, total_tokens: 2 });
  });

  it('goes on with a thread, and takes several inputs', async () => {
    const { body: first } = await post({ input: 'one' });
    const input = [
      { type: 'text', text: 'two' },
      { type: 'text', text: 'three' },
    ];
    const { body } = await post({ input, thread_id: first.thread_id });
    expect(body).toMatchObject({ thread_id: first.thread_id, status: 'completed' });
    expect(body.turn_id).not.toBe(first.turn_id);
    expect(body.final_message).toContain('three');
  });

  it('is for the workspace of the bearer, or the one that a service with the secret names', async () => {
    const { body: theirs } = await post({ input: 'of ws-1' });
    const trusted = { 'x-internal-secret': SECRET };
    const named = { input: 'of ws-2', workspace_id: 'ws-2', user_id: 'user-2' };
    expect(await post(named, trusted)).toMatchObject({ status: 200, body: { status: 'completed' } });
    const foreign = { ...named, thread_id: theirs.thread_id };
    expect(await post(foreign, trusted)).toMatchObject({ status: 404, body: { error: { code: 'thread_not_found' } } });
    expect((await post({ input: 'x', workspace_id: 'ws-2' })).status).toBe(403);
    expect((await post({ input: 'x' }, trusted)).status).toBe(400);
    for (const headers of [{}, { 'x-internal-secret': 'wrong' }, bearer('')] as Record<string, string>[]) {
      expect((await post(named, headers)).status).toBe(401);
    }
    const closed = await world.start({ CXG_STATE_DIR: `${world.stateDir}-other` });
    const answer = await fetch(`${closed.url}/api/turns`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-internal-secret': SECRET },
      body: JSON.stringify(named),
    });
    expect(answer.status).toBe(401);
  });

  it('is for a workspace of the user of an access token, whom codex-auth is asked about', async () => {
    const token = { authorization: 'Bearer of.ada.in-ws-1' };
    const request = { input: 'hello', workspace_id: 'ws-1' };
    expect(await post(request, token)).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(world.agentserver.requests.at(-1)).toMatchObject({
      path: '/internal/codex-auth/validate',
      headers: { 'x-internal-secret': expect.any(String) },
      body: { scheme: 'bearer', token: 'of.ada.in-ws-1', account_id: 'ws-1' },
    });
    expect((await post({ ...request, user_id: 'ada' }, token)).status).toBe(200);
    expect((await post({ ...request, user_id: 'bob' }, token)).status).toBe(403);
    const unauthorized = { status: 401, body: { error: { code: 'unauthorized' } } };
    expect(await post({ ...request, workspace_id: 'ws-2' }, token)).toMatchObject(unauthorized);
    expect(await post(request, { authorization: 'Bearer of.nobody.at-all' })).toMatchObject(unauthorized);
    for (const workspace of [{}, { workspace_id: '../x' }]) {
      expect(await post({ input: 'hello', ...workspace }, token)).toMatchObject({ status: 400 });
    }
    const { answer } = world.agentserver;
    for (const odd of [{ status: 500 }, { status: 404 }, { status: 200, body: { user_id: '../x' } }]) {
      world.agentserver.answer = () => odd;
      expect(await post(request, token)).toMatchObject({ status: 503, body: { error: { code: expect.any(String) } } });
    }
    world.agentserver.answer = answer;
  });

  it.each([
    [{}],
    [{ input: '' }],
    [{ input: [] }],
    [{ input: [{ type: 'localImage', path: '/etc/passwd' }] }],
    [{ input: [{ type: 'image', url: 'https://elsewhere.example/a.png' }] }],
    [{ input: 'x', timeout_seconds: 0 }],
    [{ input: 'x', approval_policy: 'always' }],
    [{ input: 'x', unknown: true }],
    ['not JSON'],
  ])('is 400 for %j', async (body) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
  });

  it('is 413 for what is too large', async () => {
    expect((await post({ input: 'x'.repeat(3000) })).status).toBe(413);
  });

  it.each(['GET', 'PUT', 'DELETE'])('is 405 for %s, which says what it takes', async (method) => {
    const answer = await fetch(`${gateway.url}/api/turns`, { method });
    expect({ status: answer.status, allow: answer.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'POST, OPTIONS',
    });
    expect(await answer.json()).toMatchObject({ error: { code: 'method_not_allowed' } });
    const written = await fetch(`${gateway.url}/openapi.json`, { method: 'POST' });
    expect({ status: written.status, allow: written.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'GET, HEAD, OPTIONS',
    });
  });

  it.each([
    ['no credential', {}],
    ['a secret that is none', { 'x-internal-secret': 'wrong' }],
    ['an unknown remote token', { authorization: 'Bearer unknown' }],
    ['an unknown access token', { authorization: 'Bearer of.nobody.at-all' }],
  ])('is 401 for %s before there is a body', async (_what, headers) => {
    expect(await statusBeforeBody(`${gateway.url}/api/turns`, headers as Record<string, string>)).toBe(401);
  });

  it('tells a turn that failed from one that could not be run', async () => {
    const { status, body } = await post({ input: 'fail' });
    expect({ status, body }).toMatchObject({ status: 200, body: { status: 'failed', final_message: null } });
    expect(body.error?.message).toContain('the model says no');
    world.execGateway.answer = () => ({ status: 500, body: {} });
    const refused = await post({ input: 'x' }, bearer('ws-never-started'));
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'app_server_unavailable' } } });
    expect(refused.headers.get('retry-after')).not.toBeNull();
  });

  it('streams what happens when it is asked to', async () => {
    const answer = await send({ input: 'hello' }, { ...bearer(), accept: 'text/event-stream' });
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const events = (await answer.text())
      .split('\n\n')
      .filter((block) => block.startsWith('event: '))
      .map((block) => {
        const [, event = '', data = '{}'] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        return { event, data: JSON.parse(data) as Record<string, unknown> };
      })
      .filter(({ event }) => event !== 'warning' && event !== 'message.delta');
    expect(events.map(({ event }) => event)).toEqual([
      'turn.started',
      'item.completed',
      'item.completed',
      'turn.completed',
    ]);
    expect(events.at(-1)?.data).toMatchObject({ status: 'completed', final_message: 'you said: hello' });
    expect((await send({ input: '' }, { ...bearer(), accept: 'text/event-stream' })).status).toBe(400);
  });

  it('serves a document of itself, whose schemas fit what it answers', async () => {
    const document = JSON.parse((await get(gateway, '/openapi.json')).text) as OpenApi;
    expect(document.openapi).toBe('3.1.0');
    for (const [, target = ''] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      const found = target
        .replace(/^#\//, '')
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      expect({ target, found }).toEqual({ target, found: expect.any(Object) });
    }
    const schema = (id: string) =>
      z.fromJSONSchema({
        $ref: `#/$defs/${id}`,
        $defs: JSON.parse(JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/')),
      });
    const { responses } = document.paths['/api/turns']?.post ?? { responses: {} };
    const result = schema('TurnResult');
    const { body } = await post({ input: 'hello' });
    expect(result.safeParse(body)).toMatchObject({ success: true });
    expect(result.safeParse({ ...body, status: 'unknown' }).success).toBe(false);
    const refused = await post({ input: '' });
    expect(Object.keys(responses)).toContain(String(refused.status));
    expect(schema('Error').safeParse(refused.body)).toMatchObject({ success: true });
    expect(schema('TurnRequest').safeParse({ input: 'x' })).toMatchObject({ success: true });
  });

  describe('while the model takes its time', () => {
    let slow: AppGateway;
    const asked: string[] = [];
    const isAsked = (input: string) => asked.some((body) => body.includes(input));
    let letGo = () => {};

    beforeAll(async () => {
      const hold = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const stall = await startStandIn(({ method, body }) => {
        if (method === 'GET') return { status: 200, body: { models: [], data: [] } };
        asked.push(JSON.stringify(body));
        return (_req, res) => void hold.then(() => res.destroy());
      });
      cleanup.after(() => stall.close());
      world = await createWorld(cleanup);
      slow = await world.start({
        CXG_MODEL_PROVIDER_BASE_URL: `${stall.url}/v1`,
        CXG_MAX_TURNS_PER_WORKSPACE: '2',
        CXG_REVERIFY_INTERVAL: '200ms',
      });
      cleanup.after(() => letGo());
      gateway = slow;
    });

    it('interrupts a turn that takes longer than it may', async () => {
      const client = await connect(gateway); // its app-server runs
      // A turn that does not begin in its time is refused: the time is one in which it begins on this machine.
      let seconds = 2;
      let answer = await post({ input: 'slow', timeout_seconds: seconds });
      while (answer.status === 503 && seconds < 60) {
        seconds *= 2;
        answer = await post({ input: 'slow', timeout_seconds: seconds });
      }
      expect(answer).toMatchObject({
        status: 200,
        body: { status: 'interrupted', error: { message: `it took longer than ${seconds} s` } },
      });
      await client.close();
    });

    it('interrupts the turn of a remote token that is revoked meanwhile', async () => {
      const { answer } = world.agentserver;
      const turn = post({ input: 'until revoked' });
      await waitFor(() => isAsked('until revoked'), { timeoutMs: PATIENCE_MS, describe: 'the turn to run' });
      world.agentserver.answer = () => ({ status: 401, body: { error: 'invalid_token' } });
      expect((await turn).body).toMatchObject({
        status: 'interrupted',
        error: { message: 'the remote token is no longer valid' },
      });
      world.agentserver.answer = answer;
    });

    it('interrupts the turn of a client that leaves, and runs so many at once', async () => {
      const inputs = ['until one left', 'until another left'];
      const clients = [new AbortController(), new AbortController()];
      const left = clients.map(({ signal }, index) =>
        send({ input: inputs[index] }, bearer(), signal).catch(() => undefined),
      );
      await waitFor(() => inputs.every(isAsked), { timeoutMs: PATIENCE_MS, describe: 'two turns to run' });
      expect(await post({ input: 'x' })).toMatchObject({ status: 429, body: { error: { code: 'too_many_turns' } } });
      for (const client of clients) client.abort();
      await Promise.all(left);
      await waitFor(async () => /cxg_app_connections\{.*\} 0/.test((await get(slow, '/metrics')).text), {
        timeoutMs: PATIENCE_MS,
        describe: 'the turns to be over',
      });
    });
  });
});

/** The answer to a request that announces a body and sends none of it. */
async function statusBeforeBody(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const sent = request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': '2000', ...headers },
  });
  sent.on('error', () => undefined);
  sent.flushHeaders();
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const [answer] = (await once(sent, 'response', { signal })) as [IncomingMessage];
  sent.destroy();
  return answer.statusCode;
}

interface OpenApi {
  openapi: string;
  paths: Record<string, { post: { responses: object } }>;
  components: { schemas: object };
}
