import { type FrameSocket, READY_STATES } from '@codex-gateways/websocket';

/** Both in bytes, for one direction of one connection. */
export interface OutletLimits {
  /** From here on whoever sends should pause. */
  readonly highWaterBytes: number;
  /** Here the connection is given up: whoever sends did not pause. */
  readonly capBytes: number;
}

export interface OutletEvents {
  /** The system took something that was sent: a sign of life of the peer. */
  progress(): void;
  /** The cap is reached. */
  overflow(): void;
}

/**
 * The sending side of a socket, with a bound on what waits in it: `isFull` from the high water mark until the half of it
 * is left.
 */
export class Outlet {
  readonly #socket: FrameSocket;
  readonly #limits: OutletLimits;
  readonly #events: OutletEvents;
  readonly #waiters = new Set<() => void>();
  #isFull = false;

  constructor(socket: FrameSocket, limits: OutletLimits, events: OutletEvents) {
    this.#socket = socket;
    this.#limits = limits;
    this.#events = events;
    socket.on('taken', () => this.#taken());
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(text: string): void {
    if (this.#socket.readyState !== READY_STATES.open) return;
    this.#socket.send(text);
    this.#look();
  }

  /** Sends on what another socket is delivering, from where it lies: nobody may look at it any more. */
  forward(from: FrameSocket): void {
    if (this.#socket.readyState !== READY_STATES.open) return;
    this.#socket.forward(from);
    this.#look();
  }

  /** Calls back once, when there is room again. */
  onceDrained(listener: () => void): void {
    this.#waiters.add(listener);
  }

  #look(): void {
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount > this.#limits.capBytes) this.#events.overflow();
    else if (bufferedAmount >= this.#limits.highWaterBytes) this.#isFull = true;
  }

  #taken(): void {
    if (this.#socket.readyState !== READY_STATES.open) return; // it may have been thrown away
    this.#events.progress();
    if (!this.#isFull || this.#socket.bufferedAmount > this.#limits.highWaterBytes / 2) return;
    this.#isFull = false;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter();
  }
}
