import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from '@codex-gateways/testing';
import { type WebSocket, WebSocketServer } from 'ws';

/** A WebSocket server in the place of an app-server that somebody else runs. */
export interface WsBackend {
  readonly url: string;
  /** The requests of those that connected, in order. */
  readonly upgrades: readonly IncomingMessage[];
  /** Settles with the next socket. */
  nextSocket(): Promise<WebSocket>;
  /** Calls back with each socket from now on. */
  onSocket(listener: (socket: WebSocket) => void): void;
}

export async function startWsBackend(cleanup: Cleanup): Promise<WsBackend> {
  const upgrades: IncomingMessage[] = [];
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 256 * 1024 * 1024 });
  server.on('connection', (_socket, request) => upgrades.push(request));
  cleanup.after(() => {
    for (const socket of server.clients) socket.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    upgrades,
    nextSocket: async () => (await once(server, 'connection'))[0] as WebSocket,
    onSocket: (listener) => void server.on('connection', listener),
  };
}
