import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import express from 'express';
import { request } from 'undici';
import { createReadiness, NotReadyError } from './health.ts';
import { codeErrorForm, errorMiddleware, HttpError, notFound, objectErrorForm } from './http-error.ts';
import { createApp, type HttpServer, ListenError, listen } from './http-server.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { requestIdOf } from './request-log.ts';
import { requireInternalSecret, requireSharedSecret } from './secrets.ts';
import { refuseUpgrade } from './upgrade.ts';

const SECRET = 'a-secret-of-services';
const logged: string[] = [];
let server: HttpServer;
let databaseAnswers: () => Promise<void> = async () => {};
let startDraining: () => void;
let slowHandler: (res: ServerResponse) => void = () => {};

beforeAll(async () => {
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line: string) => logged.push(line) });
  const metrics = createMetrics('test');
  const { app, readiness } = createApp({ log, metrics, checks: { database: () => databaseAnswers() } });
  startDraining = readiness.startDraining;
  app.get('/internal', requireInternalSecret(SECRET), (_req, res) => void res.json({ ok: true }));
  app.get('/shared', requireSharedSecret(SECRET), (_req, res) => void res.json({ ok: true }));
  app.get('/open', requireInternalSecret(''), (_req, res) => void res.json({ ok: true }));
  app.get('/known/:id', () => {
    throw new HttpError(403, 'not_owner', 'this executor belongs to somebody else', { reason: 'owner mismatch' });
  });
  app.get('/bug', () => {
    throw new Error('hunter2 in a stack');
  });
  app.get('/id', (req, res) => void res.json({ id: requestIdOf(req) }));
  app.post('/json', express.json({ limit: 64 }), (req, res) => void res.json(req.body));
  app.use(notFound());
  app.use(errorMiddleware({ form: objectErrorForm, log }));
  server = await listen(app, {
    host: '127.0.0.1',
    port: 0,
    onUpgrade: (_req, socket) => refuseUpgrade(socket, new HttpError(401, 'unauthorized', 'no')),
  });
});

afterAll(() => server.close(1000));

async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await request(`${server.url}${path}`, { headers });
  const text = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, text, json: () => JSON.parse(text) };
}

describe('errors on the wire', () => {
  it('sends a known refusal as it is and keeps its reason for the log', async () => {
    const answer = await get('/known/1?token=hunter2');
    expect(answer.status).toBe(403);
    expect(answer.json()).toEqual({ error: { code: 'not_owner', message: 'this executor belongs to somebody else' } });
    const line = JSON.parse(logged.findLast((entry) => entry.includes('/known/1')) ?? '{}');
    expect(line).toMatchObject({ path: '/known/1', status: 403, refusal: 'owner mismatch' });
  });
  it('says nothing of its own mistakes but a request id, and logs them once', async () => {
    const answer = await get('/bug');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('hunter2');
    const id = String(answer.headers['x-request-id']);
    expect(answer.json().error.message).toContain(id);
    expect(logged.filter((line) => line.includes('hunter2 in a stack'))).toHaveLength(1);
    expect(logged.find((line) => line.includes('hunter2 in a stack'))).toContain(id);
  });
  it.each([
    ['{"a":', 400, 'the request body is not valid JSON'],
    [`{"a":"${'x'.repeat(100)}"}`, 413, 'the request body is too large'],
  ])('answers the body %s with %i', async (body, status, message) => {
    const answer = await request(`${server.url}/json`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.statusCode).toBe(status);
    expect(await answer.body.json()).toEqual({ error: { code: 'invalid_request', message } });
  });
  it('answers an unknown path with 404 in the same form', async () => {
    expect((await get('/nothing')).json()).toEqual({
      error: { code: 'not_found', message: 'there is nothing at this path' },
    });
  });
  it('has a short form for calls between services', () => {
    expect(codeErrorForm(new HttpError(401, 'invalid_token', 'x'))).toEqual({ error: 'invalid_token' });
  });
});

describe('secrets between services', () => {
  it('takes X-Internal-Secret and the shared bearer as two scopes', async () => {
    expect((await get('/internal', { 'x-internal-secret': SECRET })).status).toBe(200);
    expect((await get('/shared', { authorization: `Bearer ${SECRET}` })).status).toBe(200);
    expect((await get('/internal', { authorization: `Bearer ${SECRET}` })).status).toBe(401);
    expect((await get('/shared', { 'x-internal-secret': SECRET })).status).toBe(401);
  });
  it.each(['', 'a-secret-of-service', 'a-secret-of-servicesX', 'A-SECRET-OF-SERVICES'])('refuses %j', async (wrong) => {
    expect((await get('/internal', { 'x-internal-secret': wrong })).status).toBe(401);
    expect((await get('/shared', { authorization: `Bearer ${wrong}` })).status).toBe(401);
  });
  it('checks nothing where the configured secret is empty', async () => {
    expect((await get('/open')).status).toBe(200);
  });
});

describe('request ids', () => {
  it('are taken over from the caller when they are plain text', async () => {
    expect((await get('/id', { 'x-request-id': 'req_1' })).json()).toEqual({ id: 'req_1' });
    const made = await get('/id', { 'x-request-id': 'a b' });
    expect(made.json().id).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.headers['x-request-id']).toBe(made.json().id);
  });
});

describe('health', () => {
  it('is up while a dependency is away, and names it in /readyz', async () => {
    databaseAnswers = () => Promise.reject(new Error('down'));
    expect((await get('/healthz')).status).toBe(200);
    const away = await get('/readyz');
    expect([away.status, away.json()]).toEqual([503, { status: 'not_ready', missing: { database: 'unreachable' } }]);
    databaseAnswers = () => Promise.reject(new NotReadyError('circuit_open', { cause: new Error('down') }));
    expect((await get('/readyz')).json()).toMatchObject({ missing: { database: 'circuit_open' } });
    databaseAnswers = async () => {};
    expect((await get('/readyz')).status).toBe(200);
  });
  it('asks its dependencies once for all who want to know meanwhile', async () => {
    const answers: (() => void)[] = [];
    const readiness = createReadiness({ database: () => new Promise<void>((resolve) => answers.push(resolve)) });
    const asking = [readiness.missing(), readiness.missing(), readiness.missing()];
    expect(answers).toHaveLength(1);
    answers[0]?.();
    expect(await Promise.all(asking)).toEqual([{}, {}, {}]);
    const later = readiness.missing();
    expect(answers).toHaveLength(2);
    answers[1]?.();
    expect(await later).toEqual({});
  });
  it('counts requests by route pattern, not by path', async () => {
    await get('/known/2');
    const { text } = await get('/metrics');
    expect(text).toMatch(/http_requests_total\{method="GET",route="\/known\/:id",status="403",service="test"\} \d/);
    expect(text).not.toContain('/known/2');
  });
  it('is not ready once draining starts', async () => {
    startDraining();
    expect((await get('/readyz')).json()).toEqual({ status: 'not_ready', missing: { service: 'draining' } });
  });
});

describe('a refused upgrade', () => {
  it('has a status, a body and an end', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(server.port, '127.0.0.1', () => {
        socket.write('GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      });
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(answer).toContain('WWW-Authenticate: Bearer');
    expect(answer).toContain('{"error":{"code":"unauthorized","message":"no"}}');
  });
});

describe('listening', () => {
  const servers: HttpServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((each) => each.close(0))));

  it('names the address that is taken', async () => {
    const error: unknown = await listen(express(), { host: '127.0.0.1', port: server.port }).catch((reason) => reason);
    expect(error).toBeInstanceOf(ListenError);
    expect(String(error)).toBe(`ListenError: cannot listen on 127.0.0.1:${server.port}: the port is taken`);
  });
  it('lets a running request end before it closes', async () => {
    let answer: (() => void) | undefined;
    const arrived = new Promise<void>((resolve) => {
      slowHandler = (res) => {
        answer = () => res.end('done');
        resolve();
      };
    });
    const slow = await listen((_req, res) => slowHandler(res), { host: '127.0.0.1', port: 0 });
    servers.push(slow);
    const pending = request(slow.url).then((reply) => reply.body.text());
    await arrived;
    const closed = slow.close(60_000);
    answer?.();
    expect(await pending).toBe('done');
    await closed;
    await expect(request(slow.url)).rejects.toThrow();
  });
  it('does not wait for a client that keeps its connection for the next request', async () => {
    let answer: (text: string) => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      slowHandler = (res) => {
        answer = (text) => void res.end(text);
        resolve();
      };
    });
    const kept = await listen((_req, res) => slowHandler(res), { host: '127.0.0.1', port: 0 });
    servers.push(kept);
    const socket = connect(kept.port, '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    await arrived;
    const closed = kept.close(600_000); // longer than this test may take
    answer('done');
    await closed;
    expect(received).toContain('done');
  });
  it('answers what had reached it unseen when it was told to close', async () => {
    const busy = await listen((_req, res) => void res.end('done'), { host: '127.0.0.1', port: 0 });
    servers.push(busy);
    const open = () => {
      const socket = connect(busy.port, '127.0.0.1').setEncoding('utf8');
      socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
      const answered = new Promise<string>((resolve, reject) => socket.once('data', resolve).once('error', reject));
      return { socket, answered };
    };
    const kept = open();
    await kept.answered;
    // No turn of the event loop from here to the end of it, as in a process that is busy.
    const again = new Promise<string>((resolve, reject) => {
      kept.socket.once('data', resolve).once('error', reject);
      kept.socket.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
    });
    const fresh = Array.from({ length: 20 }, open);
    await new Promise<void>((resolve) => process.nextTick(resolve)); // they are connected by the system
    const closed = busy.close(600_000);
    for (const answer of await Promise.all([again, ...fresh.map(({ answered }) => answered)])) {
      expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n(.*\r\n)*Connection: close\r\n/);
    }
    await closed;
  });
  it('cuts a request that outlives the deadline', async () => {
    const stuck = await listen(() => {}, { host: '127.0.0.1', port: 0 });
    servers.push(stuck);
    const pending = request(stuck.url);
    const outcome = expect(pending).rejects.toThrow();
    await stuck.close(50);
    await outcome;
  });
});
