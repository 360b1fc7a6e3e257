import type { CloseCodeName } from '@codex-gateways/service';
import type { WebSocket } from 'ws';
import type { Generation } from '../registration/generation.ts';
import type { ExecutorRelay } from '../relay/executor-relay.ts';
import { closeSocket } from './close-socket.ts';

/** Who is on the line. */
export interface ExecutorIdentity {
  readonly exeId: string;
  readonly connectionId: string;
  /** Rises with every connection, across replicas: the highest is the newest. */
  readonly connectionNumber: bigint;
  readonly registrationId: string | undefined;
  readonly generation: Generation;
}

/** One executor's WebSocket with the streams that it carries. */
export class ExecutorConnection {
  readonly identity: ExecutorIdentity;
  readonly relay: ExecutorRelay;
  readonly #ws: WebSocket;
  readonly #onEnd: (connection: ExecutorConnection) => void;
  #isOver = false;

  /** @param onEnd - called once, as soon as the connection is closed by us or lost */
  constructor(
    ws: WebSocket,
    identity: ExecutorIdentity,
    { relay, onEnd }: { relay: ExecutorRelay; onEnd: (connection: ExecutorConnection) => void },
  ) {
    this.#ws = ws;
    this.identity = identity;
    this.relay = relay;
    this.#onEnd = onEnd;
    ws.once('close', () => this.#end());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  close(name: CloseCodeName, reason: string): void {
    if (this.#isOver) return;
    closeSocket(this.#ws, name, reason);
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd(this);
  }
}
