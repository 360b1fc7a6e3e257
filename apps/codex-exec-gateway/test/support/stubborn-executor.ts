import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

const RETRY_MS = 200;
/** As the CLI gives up a connection that does not come about. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** An executor that comes back with its ticket whenever its connection is lost, as the CLI does from 0.145 on. */
export class StubbornExecutor {
  readonly statuses: number[] = [];
  readonly #path: string;
  readonly #address: () => string;
  #ws: WebSocket | undefined;
  #isOver = false;

  /** @param address - `http://host:port` of the replica to dial next, as a balancer says it */
  constructor(url: string, address: () => string) {
    const { pathname, search } = new URL(url);
    this.#path = `${pathname}${search}`;
    this.#address = address;
  }

  get isConnected(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN;
  }

  /** Connects, and settles when it is open for the first time. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#dial(resolve));
  }

  stop(): void {
    this.#isOver = true;
    this.#ws?.terminate();
  }

  #dial(onOpen?: () => void): void {
    const url = `${this.#address().replace('http', 'ws')}${this.#path}`;
    const ws = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
    this.#ws = ws;
    ws.on('error', () => undefined);
    ws.once('unexpected-response', (_req, res) => {
      this.statuses.push(res.statusCode ?? 0);
      ws.terminate(); // `close` follows, which the end of the request alone would not bring
    });
    ws.once('open', () => onOpen?.());
    ws.once('close', () => void this.#again(onOpen));
  }

  async #again(onOpen: (() => void) | undefined): Promise<void> {
    if (this.#isOver) return;
    await delay(RETRY_MS * Math.random());
    if (!this.#isOver) this.#dial(onOpen);
  }
}
