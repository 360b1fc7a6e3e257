import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const PROBE_MS = 100;

/** What stands in front of the replicas: each new connection goes to the next one that says that it is ready. */
export class RoundRobinProxy {
  readonly #backends: readonly string[];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#join(socket));
  #ready: readonly string[] = [];
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param backends - `http://host:port` of each replica */
  constructor(backends: readonly string[]) {
    this.#backends = backends;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#timer = setInterval(() => void this.#probe(), PROBE_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  isReady(backend: string): boolean {
    return this.#ready.includes(backend);
  }

  async #probe(): Promise<void> {
    const answers = await Promise.all(
      this.#backends.map(async (url) => {
        const answer = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
        await answer?.arrayBuffer().catch(() => undefined);
        return answer?.ok ? [url] : [];
      }),
    );
    this.#ready = answers.flat();
  }

  /** Tries each ready replica once, as a balancer does that has not noticed yet that one is gone. */
  #join(socket: Socket, attempt = 0): void {
    if (attempt === 0) this.#keep(socket);
    const backend = this.#ready[this.#next % Math.max(this.#ready.length, 1)];
    this.#next += 1;
    if (!backend || attempt === this.#backends.length) {
      socket.destroy();
      return;
    }
    const { hostname, port } = new URL(backend);
    const upstream = connect(Number(port), hostname);
    this.#keep(upstream);
    const tryNext = () => this.#join(socket, attempt + 1);
    upstream.once('error', tryNext);
    upstream.once('connect', () => {
      upstream.off('error', tryNext);
      socket.pipe(upstream).pipe(socket);
      upstream.once('close', () => socket.destroy());
      socket.once('close', () => upstream.destroy());
    });
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
