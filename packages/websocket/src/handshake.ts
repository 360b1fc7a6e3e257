import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { FrameSocket, type FrameSocketOptions } from './frame-socket.ts';

/** RFC 6455 §1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** The base64 of 16 bytes (§4.1). */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const VERSION = '13';

/** Why a request is not the opening handshake of a WebSocket, as an HTTP answer. */
export interface HandshakeRefusal {
  readonly status: 400 | 405 | 426;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Checks an upgrade request as RFC 6455 §4.2.1 wants it.
 * @returns undefined for one that may be accepted
 */
export function refuseHandshake({
  method,
  headers,
}: Pick<IncomingMessage, 'method' | 'headers'>): HandshakeRefusal | undefined {
  if (method !== 'GET') return { status: 405, message: 'a WebSocket is opened with GET', headers: { Allow: 'GET' } };
  if (headers.upgrade?.toLowerCase() !== 'websocket')
    return badRequest('this asks for another protocol than WebSocket');
  const version = headers['sec-websocket-version'];
  if (version === undefined) return badRequest('Sec-WebSocket-Version is missing');
  if (version !== VERSION) {
    const words = 'WebSocket version 13 is needed (RFC 6455)';
    return { status: 426, message: words, headers: { 'Sec-WebSocket-Version': VERSION } };
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return badRequest('Sec-WebSocket-Key is missing or malformed');
  return undefined;
}

/** What the answer to a handshake with this key proves (§4.2.2). */
export function acceptOf(key: string): string {
  return hash('sha1', `${key}${ACCEPT_SUFFIX}`, 'base64');
}

/**
 * Says 101. Neither a subprotocol nor an extension is agreed on.
 * @param upgrade - a request that `refuseHandshake` has nothing against, and what came with it
 * @returns the open WebSocket; undefined when the caller is gone
 */
export function acceptWebSocket(
  { req, socket, head }: { req: IncomingMessage; socket: Socket; head: Buffer },
  options: Omit<FrameSocketOptions, 'role'>,
): FrameSocket | undefined {
  if (!socket.readable || !socket.writable) {
    socket.destroy(); // half of it may still be open
    return undefined;
  }
  const answer = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(req.headers['sec-websocket-key'] ?? '')}`,
  ];
  socket.setTimeout(0);
  socket.setNoDelay();
  if (head.length > 0) socket.unshift(head);
  socket.write(`${answer.join('\r\n')}\r\n\r\n`);
  return new FrameSocket(socket, { role: 'server', ...options });
}

function badRequest(message: string): HandshakeRefusal {
  return { status: 400, message, headers: {} };
}
