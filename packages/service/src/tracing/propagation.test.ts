import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import { request } from 'undici';
import { createBareApp } from '../bare-app.ts';
import { type HttpServer, listen } from '../http-server.ts';
import { createInternalClient, type InternalClient } from '../internal-client.ts';
import { createLogger } from '../logger.ts';
import { currentTraceparent, runOutsideRequests } from './request-context.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

const lines: Record<string, unknown>[] = [];
const logger = (service: string) =>
  createLogger({ service, level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
const frontLog = logger('front');
const backLog = logger('back');
let front: HttpServer;
let back: HttpServer;
let client: InternalClient;

beforeAll(async () => {
  const backApp = createBareApp({ log: backLog });
  backApp.post('/work', express.json(), async (req, res) => {
    await delay(1);
    backLog.info('working');
    res.json({ traceparent: currentTraceparent(), user: req.headers['x-user-id'] });
  });
  back = await listen(backApp, { host: '127.0.0.1', port: 0 });
  client = createInternalClient({ baseUrl: back.url, peer: 'back' });
  const frontApp = createBareApp({ log: frontLog });
  frontApp.post('/ask', express.json(), async (req, res) => {
    frontLog.info('asking');
    const headers = { 'x-user-id': String(req.body.user) };
    const answer = await client.request({ method: 'POST', path: '/work', body: {}, headers });
    runOutsideRequests(() => frontLog.info('something else'));
    res.json(answer.body);
  });
  front = await listen(frontApp, { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await front.close(0);
  await client.close();
  await back.close(0);
});
beforeEach(() => void lines.splice(0));

async function ask(headers: Record<string, string> = {}, path = '/ask', user = 'u') {
  const answer = await request(`${front.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ user }),
  });
  const body = (await answer.body.json()) as { traceparent: string; user: string };
  const requestId = String(answer.headers['x-request-id']);
  await bothLogged(requestId);
  return { requestId, body };
}

async function bothLogged(requestId: string): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (lines.filter(({ msg, request_id }) => msg === 'request' && request_id === requestId).length < 2) {
    if (performance.now() > deadlineMs) throw new Error(`not logged by both: ${JSON.stringify(lines)}`);
    await delay(1);
  }
}

describe('a request id and a trace', () => {
  it('of a caller are in every line of every service that the request reaches', async () => {
    const { requestId, body } = await ask({ 'x-request-id': 'req_1', traceparent: TRACEPARENT });
    expect(requestId).toBe('req_1');
    expect(body.traceparent).toContain(TRACE_ID);
    const ofRequest = lines.filter(({ msg }) => msg !== 'something else');
    expect(ofRequest.map(({ service, msg }) => `${service}: ${msg}`).sort()).toEqual([
      'back: request',
      'back: working',
      'front: asking',
      'front: request',
    ]);
    for (const line of ofRequest) expect(line).toMatchObject({ request_id: 'req_1', trace_id: TRACE_ID });
  });
  it.each([
    ['longer than 128 characters', 'x'.repeat(129)],
    ['with a character that is not plain', 'a b'],
    ['that is empty', ''],
  ])('%s begin anew', async (_what, presented) => {
    const { requestId } = await ask({ 'x-request-id': presented, traceparent: presented });
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    const traces = new Set(lines.filter(({ request_id }) => request_id === requestId).map(({ trace_id }) => trace_id));
    expect([...traces]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });
  it('are not mixed up between requests at the same time', async () => {
    const all = await Promise.all(
      Array.from({ length: 30 }, (_, i) => ask({ 'x-request-id': `r${i}` }, '/ask', `u${i}`)),
    );
    expect(all.map(({ requestId, body }) => [requestId, body.user])).toEqual(all.map((_, i) => [`r${i}`, `u${i}`]));
    const traceOf = new Map(
      lines.filter(({ request_id }) => request_id).map((line) => [line.request_id, line.trace_id]),
    );
    expect(new Set(traceOf.values()).size).toBe(30);
    for (const line of lines) if (line.request_id) expect(line.trace_id).toBe(traceOf.get(line.request_id));
  });
  it('are not claimed by what runs outside of requests', async () => {
    await ask();
    expect(lines.find(({ msg }) => msg === 'something else')).not.toHaveProperty('request_id');
  });
  it('never bring the query of a request into a log', async () => {
    const { requestId } = await ask({}, '/ask?token=ast_1_hunter2&code=hunter2');
    expect(lines.find((line) => line.msg === 'request' && line.service === 'front')).toMatchObject({
      request_id: requestId,
      path: '/ask',
      status: 200,
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});
