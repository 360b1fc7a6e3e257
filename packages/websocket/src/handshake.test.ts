import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { handMade, KEY } from '../test/frames.ts';
import { oursAsServer, recorded } from '../test/peers.ts';
import { dialWebSocket } from './dial.ts';
import { acceptOf, acceptWebSocket, refuseHandshake } from './handshake.ts';
import { SocketMemory } from './socket-memory.ts';

const memory = new SocketMemory();

describe('the opening handshake of a server (RFC 6455 §4.2)', () => {
  const cleanup = useCleanup();
  const headers = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const request = (changes: Partial<IncomingMessage['headers']>, method = 'GET') => ({
    method,
    headers: { ...headers, ...changes },
  });

  it('proves what §1.3 gives as its example', () => {
    expect(acceptOf('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('has nothing against a proper request, whatever the case of its words', () => {
    expect(refuseHandshake(request({ upgrade: 'WebSocket' }))).toBeUndefined();
  });

  it.each([
    ['another method', request({}, 'POST'), 405, { Allow: 'GET' }],
    ['another protocol', request({ upgrade: 'h2c' }), 400, {}],
    ['no protocol', request({ upgrade: undefined }), 400, {}],
    ['version 8', request({ 'sec-websocket-version': '8' }), 426, { 'Sec-WebSocket-Version': '13' }],
    ['no version', request({ 'sec-websocket-version': undefined }), 400, {}],
    ['no key', request({ 'sec-websocket-key': undefined }), 400, {}],
    ['a key of 15 bytes', request({ 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAA' }), 400, {}],
    ['a key that is no base64 of 16 bytes', request({ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZR==' }), 400, {}],
  ])('refuses %s', (_what, req, status, expected) => {
    expect(refuseHandshake(req)).toMatchObject({ status, headers: expected });
  });

  it('answers with 101 and reads frames that came along with the request', async () => {
    const server = createServer();
    const messages: Buffer[] = [];
    server.on('upgrade', (req, socket: Socket, head) => {
      acceptWebSocket({ req, socket, head }, { maxMessageBytes: 1024, memory })?.on('message', (data) =>
        messages.push(Buffer.from(data)),
      );
    });
    const { port } = await listening(server);
    const socket = connect(port, '127.0.0.1');
    cleanup.after(() => {
      socket.destroy();
      server.close();
    });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `GET / HTTP/1.1\r\nHost: x\r\n${lines.join('')}\r\n`;
    socket.write(Buffer.concat([Buffer.from(head), handMade({ opcode: 2, payload: 'early', key: KEY })]));
    const [answer] = await once(socket, 'data');
    expect(String(answer).split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      '',
      '',
    ]);
    await waitFor(() => messages.length === 1, { timeoutMs: 60_000, describe: 'the message' });
    expect(String(messages[0])).toBe('early');
  });

  it('agrees on no compression and on no subprotocol', async () => {
    const { theirs } = await oursAsServer(cleanup);
    expect([theirs.extensions, theirs.protocol]).toEqual(['', '']);
  });
});

describe('dialling as a client (RFC 6455 §4.1)', () => {
  const cleanup = useCleanup();
  const dial = (port: number, timeoutMs = 60_000, headers: Record<string, string> = {}) =>
    dialWebSocket({
      url: `ws://127.0.0.1:${port}/path?query=1`,
      ...{ headers, signal: AbortSignal.timeout(timeoutMs), maxMessageBytes: 1024, memory },
    });
  const answering = async (...lines: string[]) => {
    const server = createServer();
    const sockets: Socket[] = [];
    server.on('upgrade', (_req, socket: Socket) => {
      sockets.push(socket);
      if (lines.length > 0) socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    cleanup.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (await listening(server)).port;
  };
  const SWITCHING = 'HTTP/1.1 101 Switching Protocols';

  it('sends its headers, and is paused until somebody listens', async () => {
    const server = createServer();
    const requests: IncomingMessage[] = [];
    server.on('upgrade', (req, socket: Socket, head) => {
      requests.push(req);
      acceptWebSocket({ req, socket, head }, { maxMessageBytes: 1024, memory })?.send('welcome');
    });
    const outcome = await dial((await listening(server)).port, 60_000, { authorization: 'Bearer x' });
    if (outcome.kind !== 'open') throw new Error('refused');
    cleanup.after(() => {
      outcome.ws.terminate();
      server.close();
    });
    expect(requests[0]).toMatchObject({ url: '/path?query=1', headers: { authorization: 'Bearer x' } });
    expect(refuseHandshake(requests[0] as IncomingMessage)).toBeUndefined();
    await new Promise(setImmediate);
    const received = recorded(outcome.ws);
    outcome.ws.resume();
    await waitFor(() => received.length === 1, { timeoutMs: 60_000, describe: 'the message' });
  });

  it('hands back an answer other than 101', async () => {
    const port = await answering('HTTP/1.1 403 Forbidden', 'Content-Length: 0');
    const outcome = await dial(port);
    expect(outcome.kind === 'refused' && outcome.response.statusCode).toBe(403);
  });

  it.each([
    ['another protocol', ['Upgrade: h2c']],
    ['a wrong proof', ['Upgrade: websocket', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']],
    ['no proof', ['Upgrade: websocket']],
  ])('fails when the server answers with %s', async (_what, lines) => {
    const port = await answering(SWITCHING, 'Connection: Upgrade', ...lines);
    await expect(dial(port)).rejects.toThrow();
  });

  it('fails when the server agrees to an extension that was not offered', async () => {
    const server = createServer();
    server.on('upgrade', (req, socket: Socket) => {
      const proof = acceptOf(String(req.headers['sec-websocket-key']));
      const lines = [SWITCHING, 'Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Accept: ${proof}`];
      socket.end([...lines, 'Sec-WebSocket-Extensions: permessage-deflate', '', ''].join('\r\n'));
    });
    cleanup.after(() => void server.close());
    await expect(dial((await listening(server)).port)).rejects.toThrow('not offered');
  });

  it('fails when nobody is there, or nobody answers in time', async () => {
    await expect(dial(1)).rejects.toThrow();
    const port = await answering();
    await expect(dial(port, 50)).rejects.toThrow();
  });
});

async function listening(server: Server): Promise<AddressInfo> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address() as AddressInfo;
}
