import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a service and its database, so that a test can take the database away and give it back. */
export class DatabaseProxy {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#join(socket));
  #state: 'up' | 'down' | 'silent' = 'up';
  #delayMs = 0;
  #requests = 0;

  constructor(databaseUrl: string) {
    this.#target = new URL(databaseUrl);
  }

  /** The database's address by way of this proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.toString();
  }

  /** How often something was sent to the database: once a statement, from clients that wait for each answer. */
  get requests(): number {
    return this.#requests;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Answers so much later from now on, as a server that has too much to do. */
  goSlow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Cuts every connection and accepts none, as a server that has been killed. */
  goDown(): void {
    this.#state = 'down';
    this.#cut();
  }

  /** Lets nothing through any more and says nothing, as a server behind a network that has been parted. */
  goSilent(): void {
    this.#state = 'silent';
    for (const socket of this.#sockets) socket.pause();
  }

  comeBack(): void {
    this.#state = 'up';
    this.#cut();
  }

  async stop(): Promise<void> {
    this.goDown();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(socket: Socket): void {
    if (this.#state === 'down') {
      socket.destroy();
      return;
    }
    this.#keep(socket);
    if (this.#state === 'silent') return;
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    this.#keep(upstream);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      from.on('data', (data) => {
        if (this.#state !== 'up') return;
        if (from === socket) this.#requests += 1;
        if (this.#delayMs === 0 || from === socket) to.write(data);
        else setTimeout(() => to.write(data), this.#delayMs);
      });
      from.on('close', () => to.destroy());
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
