import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { spliceSockets } from '@codex-gateways/cluster';
import { HttpError, type Logger, refuseUpgrade, type UpgradeListener } from '@codex-gateways/service';
import { acceptWebSocket, type FrameSocket, type SocketMemory } from '@codex-gateways/websocket';
import { checkHandshake } from '../proxy/upgrade-request.ts';
import { MAX_BRIDGE_MESSAGE_BYTES, type Rendezvous } from './rendezvous.ts';

const HIGH_WATER_BYTES = 1024 * 1024;
const CLOSE_MS = 2000;
const LOST = { code: 1001, reason: 'the bridge to the executor broke' };

/**
 * ws `/{entrance}/bridge?role=harness&token=…`: where an app-server without encryption (0.140 and older) opens its bridge. It cannot ask
 * first and sends no header, so what it shows is in its url, and is good for nothing but this entrance; the capability token is minted for
 * each bridge and stays here. See docs/protocol.md, "Relay frame".
 */
export function legacyBridge(
  admit: (entrance: string | undefined, token: string | undefined) => Rendezvous,
  { log, ...shared }: { open: Set<FrameSocket>; memory: SocketMemory; log: Logger },
): UpgradeListener {
  return (req, socket, head) => {
    socket.on('error', () => undefined);
    void join(req, { socket, head, admit, ...shared }).catch((error: unknown) => {
      if (!(error instanceof HttpError)) log.error({ err: error }, 'a bridge could not be opened');
      refuseUpgrade(
        socket,
        error instanceof HttpError ? error : new HttpError(500, 'internal_error', 'internal error'),
      );
    });
  };
}

interface Bridge {
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly admit: (entrance: string | undefined, token: string | undefined) => Rendezvous;
  readonly open: Set<FrameSocket>;
  readonly memory: SocketMemory;
}

async function join(req: IncomingMessage, { socket, head, admit, open, memory }: Bridge): Promise<void> {
  checkHandshake(req);
  const url = new URL(req.url ?? '/', 'ws://loopback');
  const [, entrance] = /^\/([^/]+)\/bridge$/.exec(url.pathname) ?? [];
  const rendezvous = admit(entrance, url.searchParams.get('token') ?? undefined);
  const gone = new AbortController();
  const leave = () => gone.abort();
  socket.once('close', leave);
  const far = await rendezvous.bridge(gone.signal, memory);
  socket.off('close', leave);
  const near = acceptWebSocket(
    { req, socket: socket as Socket, head },
    { maxMessageBytes: MAX_BRIDGE_MESSAGE_BYTES, closeTimeoutMs: CLOSE_MS, memory },
  );
  if (!near) return far.terminate();
  open.add(near);
  near.once('close', () => open.delete(near));
  spliceSockets(near, far, { highWaterBytes: HIGH_WATER_BYTES, lost: LOST, onEnd: () => undefined });
}
