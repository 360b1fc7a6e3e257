import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HttpError } from './http-error.ts';
import { objectErrorForm } from './http-error.ts';

const GRACE_MS = 2000;

/**
 * Answers an upgrade request with an HTTP status instead of 101, so that a refusal has a reason before any WebSocket exists,
 * and ends the connection. Errors of the socket are swallowed: the peer may be gone already.
 * @param graceMs - the peer's time to take the answer and hang up; no timeout of the HTTP server holds for an upgraded socket
 */
export function refuseUpgrade(socket: Duplex, error: HttpError, graceMs: number = GRACE_MS): void {
  const body = JSON.stringify(objectErrorForm(error));
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...(error.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
    ...error.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.on('error', () => socket.destroy());
  const cut = setTimeout(() => socket.destroy(), graceMs).unref();
  socket.once('close', () => clearTimeout(cut));
  socket.resume(); // what nobody reads would keep the peer's end from being seen
  socket.end([`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`, ...lines, '', body].join('\r\n'));
}
