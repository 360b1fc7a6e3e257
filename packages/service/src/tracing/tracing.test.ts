import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '../logger.ts';
import { continueTrace, inSpan, runInRequest } from './request-context.ts';
import { parseTraceparent } from './trace-context.ts';
import { createTracing, type Tracing } from './tracing.ts';
import type { TracingSettings } from './tracing-settings.ts';

/** What an export may take on a machine that does much else. */
const PATIENCE_MS = 60_000;
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  status: { code?: number };
  links?: { traceId: string }[];
}

let collector: Server;
let tracesUrl: string;
let posts: { headers: IncomingHttpHeaders; spans: ExportedSpan[]; service: string }[] = [];
const logged: string[] = [];
const log = createLogger({ service: 'test', level: 'info' }, { write: (line: string) => void logged.push(line) });
const open: Tracing[] = [];

beforeAll(async () => {
  collector = createServer(async (req, res) => {
    let text = '';
    for await (const chunk of req) text += chunk;
    const [group] = JSON.parse(text).resourceSpans;
    const service = group.resource.attributes.find(({ key }: { key: string }) => key === 'service.name');
    posts.push({ headers: req.headers, spans: group.scopeSpans[0].spans, service: service.value.stringValue });
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  tracesUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
});
afterEach(async () => {
  for (const tracing of open.splice(0)) await tracing.close();
  posts = [];
  logged.splice(0);
});
afterAll(() => {
  collector.closeAllConnections();
  collector.close();
});

async function startTracing(settings: Partial<TracingSettings> = {}): Promise<Tracing> {
  const all: TracingSettings = {
    ...{ tracesUrl, headers: { 'x-tenant': 'codex' }, sampler: 'parentbased_always_on', sampledRatio: 1 },
    ...{ exportTimeoutMs: PATIENCE_MS, ...settings },
  };
  const tracing = createTracing(all, { service: 'codex-test', log });
  await tracing.start();
  open.push(tracing);
  return tracing;
}

/** Does `work` as a request whose caller sent a traceparent. */
async function asRequest(tracing: Tracing, work: () => Promise<unknown>): Promise<void> {
  const span = tracing.startSpan('GET /', { kind: 'server', parent: parseTraceparent(PARENT) });
  const context = { requestId: 'r', startedAt: new Date(), trace: span.context, span, tracing };
  await runInRequest(context, work).catch(() => undefined);
  span.end();
}

const exported = () => posts.flatMap(({ spans }) => spans);
const named = (name: string) => exported().find((span) => span.name === name);

describe('spans', () => {
  it('are posted to the collector, as a tree below the caller', async () => {
    const tracing = await startTracing();
    await asRequest(tracing, () => inSpan('outer', {}, () => inSpan('inner', {}, async () => undefined)));
    await tracing.flush(PATIENCE_MS);
    expect(posts[0]).toMatchObject({ service: 'codex-test', headers: { 'x-tenant': 'codex' } });
    expect(named('GET /')?.parentSpanId).toBe('b7ad6b7169203331');
    expect(named('outer')?.parentSpanId).toBe(named('GET /')?.spanId);
    expect(named('inner')?.parentSpanId).toBe(named('outer')?.spanId);
  });
  it('fail with what is thrown, by its kind and without its words', async () => {
    const tracing = await startTracing();
    const failing = () => Promise.reject(new RangeError('hunter2'));
    await asRequest(tracing, () => inSpan('outer', {}, failing));
    await tracing.flush(PATIENCE_MS);
    expect(named('outer')).toMatchObject({ status: { code: 2 } });
    expect(JSON.stringify(posts)).toContain('RangeError');
    expect(JSON.stringify(posts)).not.toContain('hunter2');
  });
  it('of a later request go on with the trace that was kept for it', async () => {
    const tracing = await startTracing();
    const kept = '00-11111111111111111111111111111111-2222222222222222-01';
    await asRequest(tracing, () => continueTrace(kept, 'redeem', () => inSpan('inner', {}, async () => undefined)));
    await tracing.flush(PATIENCE_MS);
    expect(named('redeem')).toMatchObject({ traceId: '1'.repeat(32), parentSpanId: '2'.repeat(16) });
    expect(named('inner')?.traceId).toBe('1'.repeat(32));
    expect(named('GET /')?.links).toEqual([expect.objectContaining({ traceId: '1'.repeat(32) })]);
  });
  it('are left out as the sampler says, and the trace goes on', async () => {
    const tracing = await startTracing({ sampler: 'traceidratio', sampledRatio: 0 });
    await asRequest(tracing, () => inSpan('outer', {}, async (span) => expect(span.context.isSampled).toBe(false)));
    const { context } = tracing.startSpan('x', { kind: 'server', parent: parseTraceparent(PARENT) });
    expect(context.traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    await tracing.flush(PATIENCE_MS);
    expect(posts).toEqual([]);
  });
});

describe('without a collector', () => {
  it('nothing is recorded where none is named', async () => {
    const tracing = createTracing(undefined, { service: 'codex-test', log });
    await tracing.start();
    expect(tracing.isOn).toBe(false);
    await asRequest(tracing, () => inSpan('outer', {}, async () => undefined));
    await tracing.close();
  });
  it('requests go on when it is away, which is told once', async () => {
    const tracing = await startTracing({ tracesUrl: 'http://127.0.0.1:9/v1/traces', exportTimeoutMs: 300 });
    for (let i = 0; i < 5000; i += 1) tracing.startSpan('GET /', { kind: 'server', parent: undefined }).end();
    await tracing.flush(PATIENCE_MS);
    await tracing.close();
    expect(logged.filter((line) => line.includes('spans cannot be exported'))).toHaveLength(1);
  });
  it('neither a flush nor the end waits for one that is silent', async () => {
    let answered = 0;
    const asked: ServerResponse[] = [];
    const silent = createServer((_req, res) => {
      asked.push(res.once('finish', () => (answered += 1)));
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    // Longer than this test may take: nothing but the deadlines of flush and close can end it.
    const settings = { tracesUrl: `http://127.0.0.1:${port}/v1/traces`, exportTimeoutMs: 1_000_000 };
    const tracing = await startTracing(settings);
    tracing.startSpan('GET /', { kind: 'server', parent: undefined }).end();
    const exporting = once(silent, 'request');
    await tracing.flush(100);
    await exporting;
    await tracing.close();
    expect({ asked: asked.length, answered }).toEqual({ asked: 1, answered: 0 });
    silent.closeAllConnections();
    silent.close();
  });
});
