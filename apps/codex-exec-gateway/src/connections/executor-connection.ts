import type { Socket } from 'node:net';
import type { CloseCodeName } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import type { Generation } from '../registration/generation.ts';
import type { ExecutorRelay } from '../relay/executor-relay.ts';
import { closeSocket } from './close-socket.ts';
import type { EndReason } from './executor-connections-store.ts';

/** Who is on the line. */
export interface ExecutorIdentity {
  readonly exeId: string;
  readonly connectionId: string;
  /** Rises with every connection, across replicas: the highest is the newest. */
  readonly connectionNumber: bigint;
  readonly registrationId: string | undefined;
  readonly generation: Generation;
}

/** How long a connection has to show that somebody is there. */
const PROOF_TIMEOUT_MS = 2000;
const NO_CLOSE_FRAME = 1006;

/** One executor's WebSocket with the streams that it carries. */
export class ExecutorConnection {
  readonly identity: ExecutorIdentity;
  readonly relay: ExecutorRelay;
  readonly #ws: FrameSocket;
  readonly #socket: Pick<Socket, 'readableEnded' | 'errored'>;
  readonly #onEnd: (connection: ExecutorConnection, reason: EndReason) => void;
  #isOver = false;
  #isReplaced = false;

  /**
   * @param line.socket - what the WebSocket reads
   * @param events.onEnd - called once, as soon as the connection is closed by us or lost
   * @param events.onEvictedAlive - its place was taken by a newer connection although its process was there: it hung up
   *   when it was told (the CLI answers no close frame, docs/protocol.md), while a half-open connection has to be cut
   */
  constructor(
    { ws, socket }: { ws: FrameSocket; socket: Pick<Socket, 'readableEnded' | 'errored'> },
    identity: ExecutorIdentity,
    events: {
      relay: ExecutorRelay;
      onEnd: (connection: ExecutorConnection, reason: EndReason) => void;
      onEvictedAlive: (connection: ExecutorConnection) => void;
    },
  ) {
    this.#ws = ws;
    this.#socket = socket;
    this.identity = identity;
    this.relay = events.relay;
    this.#onEnd = events.onEnd;
    ws.on('close', (code) => {
      if (this.#isReplaced && this.#hasHungUp(code)) events.onEvictedAlive(this);
      this.#end(code === NO_CLOSE_FRAME ? 'connectionLost' : 'closedByExecutor');
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  close(name: CloseCodeName, reason: string): void {
    if (this.#isOver) return;
    if (name === 'replaced') this.#isReplaced = true;
    closeSocket(this.#ws, name, reason);
    this.#end(name);
  }

  /** Cuts a connection whose peer does not answer. */
  terminate(reason: EndReason): void {
    if (this.#isOver) return;
    this.#ws.terminate();
    this.#end(reason);
  }

  /** Whether the executor answers a ping now; one that does not is cut. */
  proveAlive(): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((resolve) => {
      let isSettled = false;
      const settle = (isAlive: boolean) => {
        isSettled = true;
        clearTimeout(timer);
        this.#ws.off('pong', onPong).off('close', onClose);
        resolve(isAlive);
      };
      const onPong = () => settle(true);
      const onClose = () => settle(false);
      const giveUp = () => {
        if (isSettled) return;
        this.terminate('pingTimeout');
        settle(false);
      };
      // Once more is read before the end: this process may have stood still itself, and the answer be waiting.
      const timer = setTimeout(() => setImmediate(giveUp), PROOF_TIMEOUT_MS);
      this.#ws.on('pong', onPong).on('close', onClose);
      this.#ws.ping();
    });
  }

  /** Whether the connection is over by what came from the executor; one that was cut here ends without a word. */
  #hasHungUp(closeCode: number): boolean {
    return closeCode !== NO_CLOSE_FRAME || this.#socket.readableEnded || this.#socket.errored !== null;
  }

  #end(reason: EndReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd(this, reason);
  }
}
