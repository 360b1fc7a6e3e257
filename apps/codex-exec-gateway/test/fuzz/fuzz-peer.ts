import type { Socket } from 'node:net';
import { waitFor } from '@codex-gateways/testing';
import { WebSocket } from 'ws';

/** One end of a fuzzed connection: sends messages, or bytes behind the back of its WebSocket. */
export class FuzzPeer {
  readonly #ws: WebSocket;
  #socket: Socket | undefined;
  closedWith: number | undefined;
  /** It has sent what is no WebSocket: nothing of what it says from then on can be relied on. */
  isSpoilt = false;

  private constructor(url: string, onFrame: (bytes: Buffer) => void) {
    this.#ws = new WebSocket(url, { perMessageDeflate: false });
    this.#ws.on('upgrade', (res) => {
      this.#socket = res.socket;
    });
    this.#ws.on('message', (bytes: Buffer) => onFrame(bytes));
    this.#ws.on('error', () => undefined);
    this.#ws.on('close', (code) => {
      this.closedWith = code;
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

  async end(): Promise<void> {
    this.#ws.terminate();
    await waitFor(() => this.closedWith !== undefined, { timeoutMs: 5000, describe: 'a fuzzed peer to close' });
  }
}
