import { type Splice, spliceSockets } from '@codex-gateways/cluster';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { Limits } from '../config.ts';
import { type Closing, closing } from '../proxy/close-forwarding.ts';
import type { ClientConnection } from '../proxy/connection-registry.ts';
import { Liveness } from '../proxy/liveness.ts';
import { warnOfEndedAccess } from '../proxy/warning.ts';

export interface ForwardedConnectionOptions {
  /** Both are open and paused. */
  readonly client: FrameSocket;
  /** The socket to the gateway that has the app-server. */
  readonly hop: FrameSocket;
  readonly limits: Pick<Limits, 'bufferHighWaterBytes' | 'pingIntervalMs' | 'pingTimeoutMs'>;
  readonly observer: { closed(code: number): void };
}

// The CLI connects again by itself after this code.
const LOST = closing('goingAway', 'the connection to the gateway that has this app-server broke; connect again');

/** A client whose app-server another gateway has: its bytes go there and back. Owns both sockets. */
export class ForwardedConnection implements ClientConnection {
  readonly #client: FrameSocket;
  readonly #hop: FrameSocket;
  readonly #splice: Splice;
  #how: Closing | undefined;
  readonly closed: Promise<Closing>;

  constructor({ client, hop, limits, observer }: ForwardedConnectionOptions) {
    this.#client = client;
    this.#hop = hop;
    const ended = Promise.all([client, hop].map((socket) => this.#ended(socket)));
    this.#splice = spliceSockets(client, hop, {
      highWaterBytes: limits.bufferHighWaterBytes,
      lost: LOST,
      onEnd: () => undefined,
    });
    const timer = this.#watchLiveness(limits);
    this.closed = ended.then(() => {
      clearInterval(timer);
      const how = this.#how ?? LOST;
      observer.closed(how.code);
      return how;
    });
  }

  get bufferedBytes(): number {
    return this.#client.bufferedAmount + this.#hop.bufferedAmount;
  }

  close(how: Closing): void {
    this.#how ??= how;
    warnOfEndedAccess(this.#client, how);
    this.#splice.close(how.code, how.reason);
  }

  #ended(socket: FrameSocket): Promise<void> {
    return new Promise((resolve) => {
      socket.once('close', (code: number, reason: Buffer) => {
        this.#how ??= socket === this.#hop && code === 1006 ? LOST : { code, reason: String(reason) };
        resolve();
      });
    });
  }

  #watchLiveness({ pingIntervalMs, pingTimeoutMs }: ForwardedConnectionOptions['limits']): NodeJS.Timeout {
    const lives = [this.#client, this.#hop].map((socket) => {
      const life = new Liveness(socket, Math.ceil(pingTimeoutMs / pingIntervalMs));
      socket.on('message', () => life.seen());
      return life;
    });
    return setInterval(() => {
      const [client, hop] = lives.map((life) => life.look());
      if (client) this.close(closing('pingTimeout', 'no sign of life from the client'));
      else if (hop) this.close(LOST);
    }, pingIntervalMs).unref();
  }
}
