import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { UpgradeRefusedError } from './app-server-errors.ts';

/** Where to connect and with what. */
export interface ConnectOptions {
  /** `ws://…` */
  url: string;
  /** Sent as `Authorization: Bearer …`. */
  bearer?: string;
  headers?: Readonly<Record<string, string>>;
  /** How long the upgrade may take; a minute when absent. */
  timeoutMs?: number;
}

/**
 * Opens a websocket that does not keep this process alive.
 * @param prepare - called with it before it is open, for whoever must not miss what comes together with the answer to the upgrade
 * @throws {UpgradeRefusedError} when the server answers with an HTTP status
 */
export async function connectWebSocket(
  options: ConnectOptions,
  prepare: (socket: WebSocket) => void = () => undefined,
): Promise<WebSocket> {
  const { url, bearer, timeoutMs = 60_000 } = options;
  const headers = bearer === undefined ? options.headers : { authorization: `Bearer ${bearer}`, ...options.headers };
  const socket = new WebSocket(url, { headers, handshakeTimeout: timeoutMs, perMessageDeflate: false });
  socket.once('upgrade', (response) => response.socket.unref());
  prepare(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve).once('error', reject);
    socket.once('unexpected-response', (request, response) => {
      const refuse = (body: string) => {
        reject(new UpgradeRefusedError(response.statusCode ?? 0, response.headers, body));
        request.destroy();
      };
      text(response).then(refuse, () => refuse(''));
    });
  });
  return socket;
}
