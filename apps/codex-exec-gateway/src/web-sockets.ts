import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Generation } from './registration/generation.ts';

/** A request for a WebSocket that is still undecided. */
export interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  /** The id in the path, as sent. */
  readonly exeId: string;
  readonly query: URLSearchParams;
  readonly requestId: string;
  /** The caller's address. */
  readonly clientIp: string | undefined;
}

const KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Whether a request asks for a WebSocket as RFC 6455 §4.2.1 wants it. Looked at first: a request that ws would turn away later must
 * not take a live executor's place until then.
 */
export function isWebSocketRequest({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-version'] === '13' &&
    KEY.test(headers['sec-websocket-key'] ?? '')
  );
}

/** Says 101, with the message limit of each relay generation. Compression stays off: what is relayed is encrypted. */
export class WebSocketAcceptor {
  readonly #servers: Readonly<Record<Generation, WebSocketServer>>;

  constructor({ noiseFrameBytes, plainFrameBytes }: { noiseFrameBytes: number; plainFrameBytes: number }) {
    this.#servers = { noise: newServer(noiseFrameBytes), legacy: newServer(plainFrameBytes) };
  }

  /** The open WebSocket; undefined when the caller is gone or did not ask for one properly, which ws has then answered. */
  accept(generation: Generation, { req, socket, head }: Upgrade): WebSocket | undefined {
    let accepted: WebSocket | undefined;
    if (socket.destroyed) return undefined;
    this.#servers[generation].handleUpgrade(req, socket, head, (ws) => {
      accepted = ws;
    });
    return accepted;
  }
}

function newServer(maxPayload: number): WebSocketServer {
  return new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload });
}
