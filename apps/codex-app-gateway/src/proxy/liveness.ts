import { WebSocket } from 'ws';
import type { Outlet } from './outlet.ts';

/**
 * Whether the peer of a socket still shows signs of life: anything it says, or that it takes what we send. One ping at a
 * time is on its way, and none to a peer that we do not listen to at the moment: its answers would pile up on its side.
 */
export class Liveness {
  readonly #socket: WebSocket;
  readonly #outlet: Outlet;
  readonly #timeoutMs: number;
  #seenAtMs = performance.now();
  #isPingOut = false;

  constructor(socket: WebSocket, outlet: Outlet, timeoutMs: number) {
    this.#socket = socket;
    this.#outlet = outlet;
    this.#timeoutMs = timeoutMs;
    socket.on('ping', () => this.seen());
    socket.on('pong', () => {
      this.#isPingOut = false;
      this.seen();
    });
  }

  /** The peer was heard, or we begin to listen again. */
  seen(): void {
    this.#seenAtMs = performance.now();
  }

  /** @returns whether the peer gave no sign of life for too long */
  isSilent(): boolean {
    const lastSignAtMs = Math.max(this.#seenAtMs, this.#outlet.lastProgressAtMs);
    return !this.#socket.isPaused && performance.now() - lastSignAtMs > this.#timeoutMs;
  }

  ping(): void {
    if (this.#isPingOut || this.#socket.isPaused || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#isPingOut = true;
    this.#socket.ping();
  }
}
