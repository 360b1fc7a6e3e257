import { WebSocket } from 'ws';
import { type AppServer, AppServerUnavailableError } from '../app-server/app-server.ts';

/**
 * Opens a socket to an app-server. Nothing that the client sent goes with it: no `Origin`, which app-servers refuse, no
 * compression, none of its tokens.
 * @returns the open socket, paused, with an `error` listener that swallows
 * @throws {AppServerUnavailableError} when it is not open in time, or `signal` aborts
 */
export async function dialAppServer(
  appServer: Pick<AppServer, 'url' | 'headers'>,
  { maxFrameBytes, timeoutMs, signal }: { maxFrameBytes: number; timeoutMs: number; signal: AbortSignal },
): Promise<WebSocket> {
  const socket = new WebSocket(appServer.url, {
    headers: { ...appServer.headers },
    handshakeTimeout: timeoutMs,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    followRedirects: false,
    skipUTF8Validation: true, // its own peer looks at what it wrote
  });
  socket.on('error', () => undefined);
  const abort = () => socket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => {
        socket.pause();
        resolve();
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection closed')));
    });
    return socket;
  } catch (cause) {
    socket.terminate();
    throw new AppServerUnavailableError('the app-server does not accept the connection', { cause });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
