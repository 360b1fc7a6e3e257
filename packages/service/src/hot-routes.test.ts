import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import express, { type Express } from 'express';
import { type HotRoute, hotRoutesBefore, raiseHotFailure } from './hot-routes.ts';
import { codeErrorForm, errorMiddleware, HttpError, notFound } from './http-error.ts';
import { createApp, type HttpServer, listen } from './http-server.ts';
import { createLogger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { requireInternalSecret } from './secrets.ts';
import { currentRequestId } from './tracing/request-context.ts';
import { noTracing } from './tracing/tracing.ts';

const PATH = '/internal/answer';
const MAX_BODY_BYTES = 1000;
const SECRET = 'a-secret-of-services';
const HOPS = 1;
const HEADERS = { Pragma: 'no-cache' };

/** What both kinds of server do, and how often the hot one did it before Express. */
async function answer(body: unknown, ip: string | undefined): Promise<object> {
  const { kind } = body as { kind?: string };
  if (kind === 'refusal') throw new HttpError(401, 'invalid_token', 'no', { reason: 'of its own kind' });
  if (kind === 'bug') throw new Error('a bug');
  return { body, ip, text: 'ä€😀' };
}

interface Side {
  readonly server: HttpServer;
  readonly metrics: Metrics;
  readonly logged: string[];
}

const sides: Side[] = [];
let hotAnswers = 0;

async function startSide(isHot: boolean): Promise<Side> {
  const logged: string[] = [];
  const log = createLogger({ service: 'test', level: 'info' }, { write: (line: string) => logged.push(line) });
  const metrics = createMetrics('test');
  const { app } = createApp({ log, metrics, checks: {} });
  app.set('trust proxy', HOPS);
  app.post(
    PATH,
    raiseHotFailure,
    requireInternalSecret(SECRET),
    express.json({ limit: MAX_BODY_BYTES }),
    async (req, res) => {
      const good = await answer(req.body ?? {}, req.ip);
      res.set('Cache-Control', 'no-store').set(HEADERS).json(good);
    },
  );
  app.use(notFound(), errorMiddleware({ form: codeErrorForm, log }));
  const listener = isHot ? withHotRoute(app, { log, metrics }) : app;
  return { server: await listen(listener, { host: '127.0.0.1', port: 0 }), metrics, logged };
}

function withHotRoute(app: Express, observers: { log: ReturnType<typeof createLogger>; metrics: Metrics }) {
  const route: HotRoute = {
    path: PATH,
    maxBodyBytes: MAX_BODY_BYTES,
    mediaTypes: ['application/json'],
    admits: (headers) => headers['x-internal-secret'] === SECRET,
    headers: HEADERS,
    answer: ({ body, ip }) => {
      hotAnswers += 1;
      return answer(body, ip);
    },
  };
  return hotRoutesBefore(app, [route], { ...observers, trustedProxyHops: HOPS });
}

beforeAll(async () => {
  sides.push(await startSide(true), await startSide(false));
});
afterAll(() => Promise.all(sides.map(({ server }) => server.close(1000))));

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** As many bytes of the body go out, and then the connection ends. */
  readonly cutAt?: number;
}

/** Sends a request byte for byte, and gives back the whole answer, without its date. */
async function exchange({ server }: Side, { method = 'POST', path = PATH, headers, body = '', cutAt }: Sent) {
  const lines = Object.entries({
    host: 'test',
    connection: 'close',
    'x-request-id': 'one-and-the-same',
    'x-internal-secret': SECRET,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}`]));
  const socket = connect({ port: server.port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.write(`${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`);
  if (cutAt === undefined) socket.write(body);
  else socket.end(body.slice(0, cutAt));
  return (await text(socket)).replace(/^Date: .*\r\n/im, '');
}

const JSON_BODY = '{"kind":"good","list":[1,null,"ü"]}';
const chunked = { 'content-length': '', 'transfer-encoding': 'chunked' };

const PLAIN: readonly (readonly [string, Sent])[] = [
  ['a good request', { body: JSON_BODY }],
  ['an array', { body: '[]' }],
  ['a byte order mark', { body: `\ufeff${JSON_BODY}` }],
  ['another spelling of the type', { body: JSON_BODY, headers: { 'content-type': 'Application/JSON; charset=UTF-8' } }],
  ['a refusal', { body: '{"kind":"refusal"}' }],
  ['a bug', { body: '{"kind":"bug"}' }],
  ['broken JSON', { body: '{"kind":' }],
  ['JSON that is no object', { body: '"text"' }],
  ['JSON null', { body: 'null' }],
  ['bytes that are not UTF-8', { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }],
  ['an address behind proxies', { body: JSON_BODY, headers: { 'x-forwarded-for': '1.1.1.1, 2.2.2.2,, 3.3.3.3 ' } }],
];

const OTHER: readonly (readonly [string, Sent])[] = [
  ['no body', { body: '' }],
  ['another secret', { body: JSON_BODY, headers: { 'x-internal-secret': 'none' } }],
  ['no secret', { body: JSON_BODY, headers: { 'x-internal-secret': '' } }],
  ['another type', { body: JSON_BODY, headers: { 'content-type': 'text/plain' } }],
  ['no type', { body: JSON_BODY, headers: { 'content-type': '' } }],
  ['another charset', { body: JSON_BODY, headers: { 'content-type': 'application/json; charset=utf-16' } }],
  ['a body that is too long', { body: JSON.stringify({ long: 'x'.repeat(MAX_BODY_BYTES) }) }],
  ['a compressed body', { body: gzipSync(JSON_BODY), headers: { 'content-encoding': 'gzip' } }],
  [
    'a chunked body',
    { body: `${Buffer.byteLength(JSON_BODY).toString(16)}\r\n${JSON_BODY}\r\n0\r\n\r\n`, headers: chunked },
  ],
  ['another method', { method: 'GET' }],
  ['a query', { path: `${PATH}?x=1`, body: JSON_BODY }],
  ['a slash at the end', { path: `${PATH}/`, body: JSON_BODY }],
  ['other capitals', { path: PATH.toUpperCase(), body: JSON_BODY }],
  ['another path', { path: '/elsewhere', body: JSON_BODY }],
];

describe('routes before Express', () => {
  it.each([...PLAIN, ...OTHER])('answer as Express does, byte for byte: %s', async (_what, sent) => {
    const [hot, express] = await Promise.all(sides.map((side) => exchange(side, sent)));
    expect(hot).toBe(express);
    expect(hot).toMatch(/^HTTP\/1\.1 \d{3} /);
  });

  it('take the plain requests, and leave the others to Express', async () => {
    const [side] = sides as [Side, Side];
    const taken = async (sent: Sent) => {
      const before = hotAnswers;
      await exchange(side, sent);
      return hotAnswers > before;
    };
    const outcomes = await Promise.all([taken({ body: JSON_BODY })]);
    for (const [, sent] of OTHER) outcomes.push(await taken(sent));
    expect(outcomes).toEqual([true, ...OTHER.map(() => false)]);
  });

  it('log and count what they answer as Express does', async () => {
    const [hot, express] = sides.map(({ logged }) => logged.map((line) => withoutTimes(line)).sort());
    expect(hot?.length).toBeGreaterThan(PLAIN.length + OTHER.length);
    const ofBoth = new Set(express);
    expect(hot?.filter((line) => !ofBoth.has(line))).toEqual([]);
    const [hotRoutes, expressRoutes] = await Promise.all(sides.map(({ metrics }) => routesIn(metrics)));
    expect(hotRoutes).toEqual(expressRoutes);
    expect(hotRoutes).toContain(`POST ${PATH} 200`);
  });

  it('survive a client that goes away in the middle of its body', async () => {
    const [side] = sides as [Side, Side];
    await exchange(side, { body: JSON_BODY, cutAt: 5 });
    expect(await exchange(side, { body: JSON_BODY })).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('what a route before Express does', () => {
  it.each<[{ isSilent?: boolean; isTraced?: boolean }, string]>([
    [{}, 'one-and-the-same'],
    [{ isSilent: true }, 'none'],
    [{ isSilent: true, isTraced: true }, 'one-and-the-same'],
  ])('is followed through asynchronous calls unless nobody would see it: %j', async ({ isSilent, isTraced }, seen) => {
    const log = createLogger({ service: 'test', level: 'silent' });
    const observers = { log, metrics: createMetrics('test'), tracing: { ...noTracing(), isOn: isTraced ?? false } };
    const route: HotRoute = {
      path: PATH,
      maxBodyBytes: MAX_BODY_BYTES,
      mediaTypes: ['application/json'],
      admits: () => true,
      ...(isSilent ? { isSilent } : {}),
      answer: async () => ({ seen: currentRequestId() ?? 'none' }),
    };
    const { app } = createApp({ ...observers, checks: {} });
    const listener = hotRoutesBefore(app, [route], { ...observers, trustedProxyHops: HOPS });
    const server = await listen(listener, { host: '127.0.0.1', port: 0 });
    const answered = await exchange({ server, metrics: observers.metrics, logged: [] }, { body: '{}' });
    await server.close(1000);
    expect(answered).toContain(JSON.stringify({ seen }));
  });
});

function withoutTimes(line: string): string {
  const { time, duration_ms, trace_id, err, ...rest } = JSON.parse(line);
  return JSON.stringify({ ...rest, failed: err?.message });
}

async function routesIn({ registry }: Metrics): Promise<string[]> {
  const { values } = (await registry.getSingleMetric('http_requests_total')?.get()) ?? { values: [] };
  return values.map(({ labels }) => `${labels.method} ${labels.route} ${labels.status}`).sort();
}
