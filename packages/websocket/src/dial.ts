import { randomBytes } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { FrameSocket, type FrameSocketOptions } from './frame-socket.ts';
import { acceptOf } from './handshake.ts';

export interface WebSocketToDial extends Omit<FrameSocketOptions, 'role'> {
  /** `http:`, `https:`, `ws:` or `wss:`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends what is not open yet. */
  readonly signal: AbortSignal;
}

export type DialedWebSocket =
  /** Open and paused, so that nothing is lost before somebody listens. */
  | { readonly kind: 'open'; readonly ws: FrameSocket; readonly socket: Socket }
  /** Another answer than 101; its body is the caller's to read or to destroy. */
  | { readonly kind: 'refused'; readonly response: IncomingMessage };

/**
 * Opens a WebSocket as a client (RFC 6455 §4.1). Follows no redirect, offers no extension and no subprotocol.
 * @throws {Error} when there is no connection, the answer is no WebSocket's, or `signal` aborts
 */
export function dialWebSocket({ url, headers, signal, ...options }: WebSocketToDial): Promise<DialedWebSocket> {
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    const req = upgradeRequest(url, { key, headers, signal });
    req.once('error', reject);
    req.once('response', (response) => resolve({ kind: 'refused', response }));
    req.once('upgrade', (response, socket: Socket, head) => {
      req.off('error', reject);
      const problem = signal.aborted ? 'aborted' : problemOf(response, key);
      if (problem) {
        socket.destroy();
        reject(new Error(problem));
        return;
      }
      socket.setTimeout(0);
      socket.setNoDelay();
      if (head.length > 0) socket.unshift(head);
      const ws = new FrameSocket(socket, { role: 'client', ...options });
      ws.pause();
      resolve({ kind: 'open', ws, socket });
    });
    req.end();
  });
}

function upgradeRequest(
  url: string,
  { key, headers, signal }: { key: string; headers: WebSocketToDial['headers']; signal: AbortSignal },
): ClientRequest {
  const target = new URL(url.replace(/^ws/, 'http'));
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return send(target, {
    agent: false,
    signal,
    headers: {
      ...headers,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
    },
  });
}

/** What is wrong with a 101, if anything. */
function problemOf({ headers }: IncomingMessage, key: string): string | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'the server switched to another protocol';
  if (headers['sec-websocket-accept'] !== acceptOf(key)) return 'Sec-WebSocket-Accept is not what it has to be';
  const extra = headers['sec-websocket-extensions'] ?? headers['sec-websocket-protocol'];
  return extra === undefined ? undefined : 'the server agreed to what was not offered';
}
