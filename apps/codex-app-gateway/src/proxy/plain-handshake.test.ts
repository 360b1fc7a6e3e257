import { createServer, type Socket } from 'node:net';
import { useCleanup } from '@codex-gateways/testing';
import { acceptOf } from '@codex-gateways/websocket';
import { openPlain, plainTarget } from './plain-handshake.ts';

const SWITCHING = 'HTTP/1.1 101 Switching Protocols';
const UPGRADE = ['Upgrade: websocket', 'Connection: Upgrade'];

describe('asking an app-server for a WebSocket (RFC 6455 §4.1)', () => {
  const cleanup = useCleanup();
  const requests: string[] = [];
  beforeEach(() => void requests.splice(0));

  /** A server that does something with its socket when it has read the whole request. */
  async function serverThat(answers: (socket: Socket, accept: string) => void): Promise<string> {
    const server = createServer((socket) => {
      cleanup.after(() => void socket.destroy());
      let request = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        request += String(chunk);
        if (!request.endsWith('\r\n\r\n')) return;
        requests.push(request);
        answers(socket, acceptOf(/Sec-WebSocket-Key: (.*)\r\n/.exec(request)?.[1] ?? ''));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.after(() => void server.close());
    return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  async function opened(url: string, headers: Record<string, string> = {}): Promise<Socket> {
    const target = plainTarget(url, headers);
    if (!target) throw new Error('left to an HTTP client');
    const socket = await openPlain(target, () => undefined);
    cleanup.after(() => void socket.destroy());
    return socket;
  }

  const yes = (accept: string) => [SWITCHING, ...UPGRADE, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n');

  it('sends the path, the host, its headers and another key each time', async () => {
    const url = await serverThat((socket, accept) => socket.write(yes(accept)));
    await opened(`${url}/a/b?c=d`, { authorization: 'Bearer secret' });
    await opened(`${url}/a/b?c=d`, { authorization: 'Bearer secret' });
    const lines = requests.map((request) => request.split('\r\n'));
    expect(lines[0]?.slice(0, -3)).toEqual([
      ...['GET /a/b?c=d HTTP/1.1', `Host: ${url.slice('ws://'.length)}`, 'Connection: Upgrade', 'Upgrade: websocket'],
      ...['Sec-WebSocket-Version: 13', 'authorization: Bearer secret'],
    ]);
    const keys = lines.map((each) => /^Sec-WebSocket-Key: ([A-Za-z0-9+/]{21}[AQgw]==)$/.exec(each.at(-3) ?? '')?.[1]);
    expect(new Set(keys).size).toBe(2);
    expect(keys).not.toContain(undefined);
  });

  it('reads an answer that comes byte by byte, and leaves what is behind it to the reader', async () => {
    const url = await serverThat(async (socket, accept) => {
      socket.setNoDelay();
      for (const byte of Buffer.from(`${yes(accept)}frames`)) {
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
    });
    const socket = await opened(url);
    expect(socket.isPaused()).toBe(true);
    let behind = '';
    for await (const chunk of socket) behind += String(chunk);
    expect(behind).toBe('frames');
  });

  it('reads names of headers in any case', async () => {
    const url = await serverThat((socket, accept) =>
      socket.write(`${SWITCHING}\r\nUPGRADE:WebSocket\r\nsec-websocket-ACCEPT:  ${accept} \r\n\r\n`),
    );
    await expect(opened(url)).resolves.toBeDefined();
  });

  it.each<[string, (accept: string) => string, RegExp]>([
    ['another status', () => 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n', /answered 401/],
    ['something else than HTTP', () => 'SSH-2.0-OpenSSH\r\n\r\n', /not HTTP/],
    ['another protocol', (accept) => yes(accept).replace('websocket', 'h2c'), /another protocol/],
    ['no proof', () => `${SWITCHING}\r\n${UPGRADE.join('\r\n')}\r\n\r\n`, /Accept/],
    ['the proof of another key', () => yes(acceptOf('dGhlIHNhbXBsZSBub25jZQ==')), /Accept/],
    ['the proof twice', (accept) => yes(accept).replace('\r\n\r\n', `\r\nSec-WebSocket-Accept: x\r\n\r\n`), /Accept/],
    [
      'an extension that nobody offered',
      (accept) => yes(accept).replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n'),
      /not offered/,
    ],
    ['a line that is no header', (accept) => yes(accept).replace('\r\n\r\n', '\r\nnonsense\r\n\r\n'), /cannot be read/],
    ['a head without end', () => `${SWITCHING}\r\nX: ${'x'.repeat(10_000)}`, /too long/],
  ])('refuses %s', async (_what, answer, words) => {
    const url = await serverThat((socket, accept) => socket.write(answer(accept)));
    await expect(opened(url)).rejects.toThrow(words);
  });

  it('fails when the connection is closed before the answer has ended', async () => {
    const url = await serverThat((socket) => socket.end(`${SWITCHING}\r\nUpgrade`));
    await expect(opened(url)).rejects.toThrow('closed the connection');
  });

  it('is stopped by whoever has waited long enough', async () => {
    const url = await serverThat(() => undefined);
    const target = plainTarget(url, {});
    if (!target) throw new Error('left to an HTTP client');
    await expect(openPlain(target, (stop) => stop(new Error('too late')))).rejects.toThrow('too late');
  });

  it('leaves TLS and credentials in URLs to an HTTP client, and takes no header of two lines', () => {
    expect(plainTarget('wss://example.com/', {})).toBeUndefined();
    expect(plainTarget('ws://user:password@example.com/', {})).toBeUndefined();
    expect(plainTarget('ws://[::1]:81/', {})).toMatchObject({ host: '::1', port: 81 });
    expect(plainTarget('ws://example.com', {})).toMatchObject({ host: 'example.com', port: 80 });
    expect(() => plainTarget('ws://example.com/', { a: 'b\r\nc: d' })).toThrow('Invalid character');
  });
});
