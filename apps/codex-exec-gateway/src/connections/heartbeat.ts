import type { Socket } from 'node:net';
import type { FrameSocket } from '@codex-gateways/websocket';

interface WatchedPeer {
  readonly ws: FrameSocket;
  readonly socket: Pick<Socket, 'bytesRead'>;
  readonly onDead: () => void;
  bytesRead: number;
  isAsked: boolean;
}

const SLOTS = 10;

/**
 * Pings every connection once an interval and reports one that sent nothing, not even the pong, for a whole interval: a dead
 * peer is noticed within two. Connections are spread over the interval, so that thousands of pings do not go out at once.
 */
export class Heartbeat {
  readonly #slots: readonly Set<WatchedPeer>[] = Array.from({ length: SLOTS }, () => new Set());
  #timer: NodeJS.Timeout | undefined;
  #nextSlot = 0;
  #dueSlot = 0;

  start(intervalMs: number): void {
    this.#timer = setInterval(() => this.#tick(), intervalMs / SLOTS);
    this.#timer.unref();
  }

  /** Watches until the WebSocket closes. A paused one is not judged: its pongs wait in the kernel. */
  watch(ws: FrameSocket, socket: Pick<Socket, 'bytesRead'>, onDead: () => void): void {
    const slot = this.#slots[this.#nextSlot] as Set<WatchedPeer>;
    this.#nextSlot = (this.#nextSlot + 1) % SLOTS;
    const peer: WatchedPeer = { ws, socket, onDead, bytesRead: socket.bytesRead, isAsked: false };
    slot.add(peer);
    ws.on('close', () => slot.delete(peer));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const due = this.#slots[this.#dueSlot] as Set<WatchedPeer>;
    this.#dueSlot = (this.#dueSlot + 1) % SLOTS;
    for (const peer of due) {
      if (peer.isAsked && !peer.ws.isPaused && peer.socket.bytesRead === peer.bytesRead) peer.onDead();
      else ask(peer);
    }
  }
}

function ask(peer: WatchedPeer): void {
  peer.bytesRead = peer.socket.bytesRead;
  peer.isAsked = true;
  peer.ws.ping();
}
