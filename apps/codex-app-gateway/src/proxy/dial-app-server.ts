import { dialWebSocket, FrameSocket, type SocketMemory } from '@codex-gateways/websocket';
import { type AppServer, AppServerUnavailableError } from '../app-server/app-server.ts';
import type { Limits } from '../config.ts';
import type { Deadline } from '../deadline.ts';
import { CLOSE_GRACE_MS } from './close-forwarding.ts';
import { openPlain, type PlainTarget, plainTarget } from './plain-handshake.ts';

type Dialled = Pick<AppServer, 'url' | 'headers'>;

export interface AppServerDial {
  /** Of the upgrade that it is for; it may end before `dialTimeoutMs`. */
  readonly deadline: Deadline;
  readonly memory: SocketMemory;
}

/**
 * Opens a socket to an app-server. Nothing that the client sent goes with it: no `Origin`, which app-servers refuse, no
 * compression, none of its tokens.
 * @returns the open socket, paused, with an `error` listener that swallows
 * @throws {AppServerUnavailableError} when it is not open in time
 */
export type DialAppServer = (appServer: Dialled, dial: AppServerDial) => Promise<FrameSocket>;

type Stop = (why: Error) => void;

export function createAppServerDialer({
  maxFrameBytes,
  dialTimeoutMs,
}: Pick<Limits, 'maxFrameBytes' | 'dialTimeoutMs'>): DialAppServer {
  const targets = new WeakMap<Dialled, PlainTarget | 'other'>();
  const shared = {
    ...{ maxMessageBytes: maxFrameBytes, closeTimeoutMs: CLOSE_GRACE_MS },
    validatesUtf8: false, // its own peer looks at what it wrote
  };
  const targetOf = (appServer: Dialled) => {
    const target = targets.get(appServer) ?? plainTarget(appServer.url, appServer.headers) ?? 'other';
    targets.set(appServer, target);
    return target;
  };
  return async (appServer, { deadline, memory }) => {
    let stop: Stop = () => undefined;
    const tooLate = () => stop(new Error('the app-server did not answer in time'));
    const timer = setTimeout(tooLate, dialTimeoutMs);
    deadline.onOver(tooLate);
    const options = { memory, ...shared };
    const listen = (given: Stop) => {
      stop = given;
    };
    try {
      const target = targetOf(appServer);
      const ws =
        target === 'other'
          ? await dialOther(appServer, options, listen)
          : openedWebSocket(await openPlain(target, listen), options);
      ws.on('error', () => undefined);
      return ws;
    } catch (cause) {
      throw new AppServerUnavailableError('the app-server does not accept the connection', { cause });
    } finally {
      clearTimeout(timer);
    }
  };
}

type SocketOptions = Omit<ConstructorParameters<typeof FrameSocket>[1], 'role'>;

function openedWebSocket(socket: ConstructorParameters<typeof FrameSocket>[0], options: SocketOptions): FrameSocket {
  const ws = new FrameSocket(socket, { role: 'client', ...options });
  ws.pause();
  return ws;
}

async function dialOther(
  { url, headers }: Dialled,
  options: SocketOptions,
  listen: (stop: Stop) => void,
): Promise<FrameSocket> {
  const stopping = new AbortController();
  listen((why) => stopping.abort(why));
  const dialed = await dialWebSocket({ ...options, url, headers, signal: stopping.signal });
  if (dialed.kind === 'open') return dialed.ws;
  dialed.response.destroy();
  throw new Error(`the app-server answered ${dialed.response.statusCode}`);
}
