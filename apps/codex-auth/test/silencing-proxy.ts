import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between the service and its database, until that falls silent: connections stay, and nothing comes any more. */
export class SilencingProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#join(socket));
  #target = new URL('postgresql://127.0.0.1');
  #isSilent = false;

  /** @param databaseUrl - of a server on TCP */
  async start(databaseUrl: string): Promise<void> {
    this.#target = new URL(databaseUrl);
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The database by way of this proxy. */
  get url(): string {
    const through = new URL(this.#target);
    through.hostname = '127.0.0.1';
    through.port = String((this.#server.address() as AddressInfo).port);
    return through.href;
  }

  silence(): void {
    this.#isSilent = true;
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
      from.on('data', (data) => {
        if (!this.#isSilent) to.write(data);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
