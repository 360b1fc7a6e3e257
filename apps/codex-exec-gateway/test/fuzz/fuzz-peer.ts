import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { PATIENCE_MS } from '../support/patience.ts';

/** One end of a fuzzed connection: sends messages, or bytes behind the back of its WebSocket. */
export class FuzzPeer {
  readonly #ws: WebSocket;
  readonly #closed: Promise<void>;
  #socket: Socket | undefined;
  closedWith: number | undefined;
  /** It has sent what is no WebSocket: nothing of what it says from then on can be relied on. */
  isSpoilt = false;

  private constructor(url: string, onFrame: (bytes: Buffer) => void) {
    this.#ws = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: PATIENCE_MS });
    this.#ws.on('upgrade', (res) => {
      this.#socket = res.socket;
    });
    this.#ws.on('message', (bytes: Buffer) => onFrame(bytes));
    this.#ws.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      this.#ws.on('close', (code) => {
        this.closedWith = code;
        resolve();
      });
    });
  }

  static async connect(url: string, onFrame: (bytes: Buffer) => void): Promise<FuzzPeer> {
    const peer = new FuzzPeer(url, onFrame);
    await new Promise<void>((resolve, reject) => {
      peer.#ws.once('open', resolve);
      peer.#ws.once('error', reject);
    });
    return peer;
  }

  send(frame: Buffer): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(frame, { binary: true });
  }

  sendRaw(bytes: Buffer): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#socket?.write(bytes);
  }

  /** What is sent from now on waits for `uncork`, to leave in few writes. */
  cork(): void {
    this.#socket?.cork();
  }

  uncork(): void {
    this.#socket?.uncork();
  }

  async end(): Promise<void> {
    this.#ws.terminate();
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('a fuzzed peer did not close')), PATIENCE_MS);
    });
    await Promise.race([this.#closed, tooLate]).finally(() => clearTimeout(timer));
  }
}
