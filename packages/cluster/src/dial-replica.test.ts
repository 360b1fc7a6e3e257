import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { collectGarbage, freePort, useCleanup } from '@codex-gateways/testing';
import { type FrameSocket, SocketMemory } from '@codex-gateways/websocket';
import { SocketServer } from '../test/socket-pairs.ts';
import { type DialRequest, dialReplica, dialReplicaSocket } from './dial-replica.ts';

describe.each([
  ['ws', dialReplica],
  ['FrameSocket', dialReplicaSocket],
] as const)('dialling another replica (%s)', (_kind, dialWith) => {
  const cleanup = useCleanup();
  const dial = (internalUrl: string, request: Partial<DialRequest> = {}) =>
    dialWith({
      ...{ internalUrl, path: '/forwarded/x', token: 'hop-token', requestId: 'req-1', maxPayloadBytes: 1024 },
      ...{ timeoutMs: 60_000, signal: new AbortController().signal, memory: new SocketMemory() },
      ...request,
    });
  const answering = async (status: number, body: string) => {
    const server = createServer();
    server.on('upgrade', (_req, socket) => {
      socket.end(
        `HTTP/1.1 ${status} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.after(() => {
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  const silentUrl = async () => {
    const silent = createTcpServer((socket) => cleanup.after(() => void socket.destroy()));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanup.after(() => void silent.close());
    return `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  };

  it('opens a WebSocket below its address, with the bearer, the request id and the trace', async () => {
    const server = await new SocketServer().listen(cleanup);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const outcome = await dial(`${server.url}/base/`, { traceparent });
    expect(outcome.kind).toBe('open');
    const [req] = server.requests;
    expect(req?.url).toBe('/base/forwarded/x');
    expect(req?.headers).toMatchObject({
      authorization: 'Bearer hop-token',
      'x-request-id': 'req-1',
      traceparent,
    });
    if (outcome.kind === 'open') outcome.ws.terminate();
  });

  it('loses nothing that the other side says before somebody listens', async () => {
    const server = await new SocketServer().listen(cleanup);
    const pinged = new Promise((resolve) => {
      server.http.once('accepted', (ws: FrameSocket) => {
        ws.once('ping', resolve);
        ws.send('at once');
      });
    });
    const outcome = await dial(server.url);
    if (outcome.kind !== 'open') throw new Error('not open');
    outcome.ws.ping();
    await pinged; // time in which it could get lost
    const message = once(outcome.ws, 'message');
    outcome.ws.resume();
    expect(String((await message)[0])).toBe('at once');
    outcome.ws.terminate();
  });

  it('gives a refusal back with its status and body', async () => {
    const body = { error: { code: 'executor_elsewhere', message: 'it has moved' } };
    expect(await dial(await answering(503, JSON.stringify(body)))).toEqual({ kind: 'refused', status: 503, body });
    expect(await dial(await answering(502, '<html>'))).toEqual({ kind: 'refused', status: 502, body: undefined });
    expect(await dial(await answering(401, 'x'.repeat(9000)))).toMatchObject({ kind: 'refused', body: undefined });
  });

  it('says that a replica cannot be reached which is not there, or says nothing in time', async () => {
    expect(await dial(`http://127.0.0.1:${await freePort()}`)).toMatchObject({ kind: 'unreachable' });
    expect(await dial('not an address')).toMatchObject({ kind: 'unreachable' });
    const url = await silentUrl();
    expect(await dial(url, { timeoutMs: 200 })).toMatchObject({ kind: 'unreachable' });
    const gone = new AbortController();
    setImmediate(() => gone.abort());
    // Longer than this test may take: nothing but the signal can end it.
    const timeoutMs = 1_000_000;
    expect(await dial(url, { signal: gone.signal, timeoutMs })).toMatchObject({ kind: 'unreachable' });
  });

  it('gives up in time also when garbage is collected while it waits', async () => {
    const outcome = dial(await silentUrl(), { timeoutMs: 3000 });
    await collectGarbage();
    expect(await outcome).toMatchObject({ kind: 'unreachable' });
  });
});
