import { randomUUID } from 'node:crypto';
import { validateHeaderValue } from 'node:http';
import { connect, type Socket } from 'node:net';
import { acceptOf } from '@codex-gateways/websocket';

/** Where to connect to, and all of the request but its key: made once for an app-server, whom many clients are connected to. */
export interface PlainTarget {
  readonly host: string;
  readonly port: number;
  readonly requestHead: string;
}

/** An answer to the handshake is a few lines. */
const MAX_HEAD_BYTES = 8 * 1024;
const END_OF_HEAD = '\r\n\r\n';

/**
 * @returns undefined for what is left to an HTTP client: TLS, and credentials in the URL
 * @throws {TypeError} for a header that would not be one line
 */
export function plainTarget(url: string, headers: Readonly<Record<string, string>>): PlainTarget | undefined {
  const { protocol, username, password, hostname, host, port, pathname, search } = new URL(url);
  if (!['ws:', 'http:'].includes(protocol) || username !== '' || password !== '') return undefined;
  for (const [name, value] of Object.entries(headers)) validateHeaderValue(name, value);
  const lines = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80), requestHead: lines.join('\r\n') };
}

/**
 * Opens a TCP connection and asks for a WebSocket on it (RFC 6455 §4.1), without an HTTP client: that would cost more than all the
 * rest of connecting. Offers no extension and no subprotocol.
 * @param listen - gives a function that ends what is not open yet
 * @returns the socket behind the answer, paused
 * @throws {Error} when there is no connection, or another answer than that of a WebSocket
 */
export function openPlain(target: PlainTarget, listen: (stop: (why: Error) => void) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const key = newKey();
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    let head = '';
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const onEnd = () => fail(new Error('the app-server closed the connection'));
    const onData = (chunk: Buffer) => {
      const before = head.length;
      head += chunk.toString('latin1');
      const end = head.indexOf(END_OF_HEAD, Math.max(0, before - END_OF_HEAD.length));
      if (end < 0) {
        if (head.length > MAX_HEAD_BYTES) fail(new Error('the answer of the app-server is too long'));
        return;
      }
      const problem = problemOf(head.slice(0, end), key);
      if (problem) return fail(new Error(problem));
      socket.off('data', onData).off('error', fail).off('close', onEnd).pause();
      const rest = chunk.subarray(end + END_OF_HEAD.length - before);
      if (rest.length > 0) socket.unshift(rest);
      resolve(socket);
    };
    socket.on('data', onData).on('error', fail).on('close', onEnd);
    socket.write(`${target.requestHead}\r\nSec-WebSocket-Key: ${key}${END_OF_HEAD}`, 'latin1');
    listen(fail);
  });
}

/** 16 random bytes in base64, from a UUID since those cost less: all but six bits of it are random. */
function newKey(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64');
}

/** What is wrong with an answer, if anything. */
function problemOf(head: string, key: string): string | undefined {
  const [statusLine = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status !== '101') return `the app-server answered ${status ?? 'with something that is not HTTP'}`;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon < 1) return 'the answer of the app-server has a header that cannot be read';
    const value = line.slice(colon + 1).trim();
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return 'the app-server switched to another protocol';
  if (headers.get('sec-websocket-accept') !== acceptOf(key)) return 'Sec-WebSocket-Accept is not what it has to be';
  const extra = headers.get('sec-websocket-extensions') ?? headers.get('sec-websocket-protocol');
  return extra === undefined ? undefined : 'the app-server agreed to what was not offered';
}
