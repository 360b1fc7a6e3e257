import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Cleanup } from '@codex-gateways/testing';
import { acceptWebSocket, type FrameSocket, SocketMemory } from '@codex-gateways/websocket';
import { WebSocket } from 'ws';

/** A server whose WebSockets the test holds. */
export class SocketServer {
  readonly http: Server = createServer();
  readonly requests: IncomingMessage[] = [];
  readonly #accepted: FrameSocket[] = [];

  constructor({ maxPayload = 1024 * 1024 * 1024 }: { maxPayload?: number } = {}) {
    const options = { maxMessageBytes: maxPayload, memory: new SocketMemory() };
    this.http.on('upgrade', (req, socket: Socket, head) => {
      const ws = acceptWebSocket({ req, socket, head }, options);
      if (ws) this.#accept(ws, req);
    });
  }

  #accept(ws: FrameSocket, req: IncomingMessage): void {
    this.requests.push(req);
    this.#accepted.push(ws);
    ws.on('error', () => undefined);
    this.http.emit('accepted', ws);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  async listen(cleanup: Cleanup): Promise<this> {
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
    cleanup.after(() => {
      for (const ws of this.#accepted) ws.terminate();
      this.http.closeAllConnections();
      this.http.close();
    });
    return this;
  }

  /** Opens a connection and gives both of its ends. */
  async pair(): Promise<{ client: WebSocket; server: FrameSocket }> {
    const before = this.#accepted.length;
    const client = new WebSocket(this.url, { perMessageDeflate: false });
    client.on('error', () => undefined);
    const accepted = once(this.http, 'accepted');
    await Promise.all([once(client, 'open'), accepted]);
    return { client, server: this.#accepted[before] as FrameSocket };
  }
}

/** Code and reason of a close that comes. */
export async function closeOf(ws: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}
