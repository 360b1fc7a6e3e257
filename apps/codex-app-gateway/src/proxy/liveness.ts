import { type FrameSocket, READY_STATES } from '@codex-gateways/websocket';

/**
 * Whether the peer of a socket still shows signs of life: anything it says, or that it takes what we send. It is looked at
 * now and then, and silent after so many looks without a sign: looks, not time, since a process that was held up itself
 * has not heard anybody. One ping at a time is on its way, and none to a peer that we do not listen to at the moment: its
 * answers would pile up on its side.
 */
export class Liveness {
  readonly #socket: FrameSocket;
  readonly #looksAllowed: number;
  #looksWithoutSign = 0;
  #isPingOut = false;

  /** @param looksAllowed - without a sign of life */
  constructor(socket: FrameSocket, looksAllowed: number) {
    this.#socket = socket;
    this.#looksAllowed = looksAllowed;
    socket.on('ping', () => this.seen());
    socket.on('pong', () => {
      this.#isPingOut = false;
      this.seen();
    });
  }

  /** The peer was heard, or took something. */
  seen(): void {
    this.#looksWithoutSign = 0;
  }

  /** @returns whether the peer is silent; pings it if not */
  look(): boolean {
    if (this.#socket.isPaused) return false;
    this.#looksWithoutSign += 1;
    if (this.#looksWithoutSign > this.#looksAllowed) return true;
    if (!this.#isPingOut && this.#socket.readyState === READY_STATES.open) {
      this.#isPingOut = true;
      this.#socket.ping();
    }
    return false;
  }
}
