import { dialWebSocket, type FlushTurn, type FrameSocket } from '@codex-gateways/websocket';
import { type AppServer, AppServerUnavailableError } from '../app-server/app-server.ts';
import { CLOSE_GRACE_MS } from './close-forwarding.ts';

export interface AppServerDial {
  readonly maxFrameBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly flushTurn: FlushTurn;
}

/**
 * Opens a socket to an app-server. Nothing that the client sent goes with it: no `Origin`, which app-servers refuse, no
 * compression, none of its tokens.
 * @returns the open socket, paused, with an `error` listener that swallows
 * @throws {AppServerUnavailableError} when it is not open in time, or `signal` aborts
 */
export async function dialAppServer(
  { url, headers }: Pick<AppServer, 'url' | 'headers'>,
  { maxFrameBytes, timeoutMs, signal, flushTurn }: AppServerDial,
): Promise<FrameSocket> {
  const stop = new AbortController();
  const abort = () => stop.abort();
  const timer = setTimeout(abort, timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    const dialed = await dialWebSocket({
      ...{
        url,
        headers,
        signal: stop.signal,
        flushTurn,
        maxMessageBytes: maxFrameBytes,
        closeTimeoutMs: CLOSE_GRACE_MS,
      },
      validatesUtf8: false, // its own peer looks at what it wrote
    });
    if (dialed.kind === 'refused') {
      dialed.response.destroy();
      throw new Error(`the app-server answered ${dialed.response.statusCode}`);
    }
    dialed.ws.on('error', () => undefined);
    return dialed.ws;
  } catch (cause) {
    throw new AppServerUnavailableError('the app-server does not accept the connection', { cause });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
