import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a peer and the gateway, until the peer vanishes: no byte, no FIN, as a machine without its network. */
export class VanishingProxy {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ pauseOnConnect: true }, (socket) => this.#join(socket));
  #hasVanished = false;

  /** @param target - `http://host:port` */
  constructor(target: string) {
    this.#target = new URL(target);
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The same path by way of this proxy. */
  url(url: string): string {
    const through = new URL(url);
    through.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return through.toString();
  }

  vanish(): void {
    this.#hasVanished = true;
    for (const socket of this.#sockets) socket.pause();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(socket: Socket): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (data) => to.write(data));
      from.on('error', () => undefined);
      // What the gateway does is seen by the test in the gateway alone: the vanished peer must not learn of it.
      from.on('close', () => {
        this.#sockets.delete(from);
        if (!this.#hasVanished) to.destroy();
      });
    }
    socket.resume();
  }
}
