import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInternalClient, ServiceUnavailableError } from './internal-client.ts';

let server: Server;
let behave: RequestListener = (_req, res) => res.end();
let baseUrl: string;

beforeAll(async () => {
  server = createServer((req, res) => behave(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(options: Partial<Parameters<typeof createInternalClient>[0]> = {}) {
  const client = createInternalClient({ baseUrl, ...options });
  try {
    return await client.request({
      method: 'POST',
      path: '/verify',
      body: { token: 't' },
      headers: { 'x-request-id': 'r1' },
    });
  } finally {
    await client.close();
  }
}

describe('calls to another service', () => {
  it('send JSON, the shared headers and the base path, and give back any status', async () => {
    behave = (req, res) => {
      res.statusCode = 401;
      res.end(
        JSON.stringify({ url: req.url, secret: req.headers['x-internal-secret'], id: req.headers['x-request-id'] }),
      );
    };
    const answer = await ask({ baseUrl: `${baseUrl}/base/`, headers: { 'x-internal-secret': 's' } });
    expect(answer).toEqual({ status: 401, body: { url: '/base/verify', secret: 's', id: 'r1' } });
  });
  it('take an empty answer', async () => {
    behave = (_req, res) => res.writeHead(204).end();
    expect(await ask()).toEqual({ status: 204, body: undefined });
  });
  it.each<[string, RequestListener]>([
    ['garbage', (_req, res) => res.end('<html>')],
    ['silence', () => {}],
    ['a hang-up', (req) => req.socket.destroy()],
    ['half an answer', (_req, res) => res.writeHead(200, { 'content-length': 100 }).write('{', () => res.destroy())],
    [
      'an endless answer',
      (_req, res) => {
        const chunk = Buffer.alloc(65_536, 32);
        const more = () => {
          while (res.write(chunk));
        };
        res.on('drain', more);
        more();
      },
    ],
  ])('are unavailable on %s', async (_what, behaviour) => {
    behave = behaviour;
    await expect(ask({ timeoutMs: 500 })).rejects.toBeInstanceOf(ServiceUnavailableError);
  });
  it('are unavailable when nobody listens', async () => {
    await expect(ask({ baseUrl: 'http://127.0.0.1:9', timeoutMs: 500 })).rejects.toBeInstanceOf(
      ServiceUnavailableError,
    );
  });
});
