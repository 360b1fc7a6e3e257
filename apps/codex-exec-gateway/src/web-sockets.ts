import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { acceptWebSocket, type FrameSocket, type FrameSocketOptions, SocketMemory } from '@codex-gateways/websocket';
import type { Generation } from './registration/generation.ts';

/** A request for a WebSocket that is still undecided. */
export interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  /** The id in the path, as sent. */
  readonly exeId: string;
  readonly query: URLSearchParams;
  readonly requestId: string;
  /** The caller's address. */
  readonly clientIp: string | undefined;
}

/** Says 101, with the message limit of each relay generation. Compression stays off: what is relayed is encrypted. */
export class WebSocketAcceptor {
  /** Of all WebSockets of the gateway. */
  readonly memory = new SocketMemory();
  readonly #options: Readonly<Record<Generation, Omit<FrameSocketOptions, 'role'>>>;

  constructor(limits: { noiseFrameBytes: number; plainFrameBytes: number; closeTimeoutMs: number }) {
    const { noiseFrameBytes, plainFrameBytes, closeTimeoutMs } = limits;
    const shared = { closeTimeoutMs, memory: this.memory };
    this.#options = {
      noise: { ...shared, maxMessageBytes: noiseFrameBytes },
      legacy: { ...shared, maxMessageBytes: plainFrameBytes },
    };
  }

  /** The open WebSocket; undefined when the caller is gone. */
  accept(generation: Generation, upgrade: Upgrade): FrameSocket | undefined {
    return acceptWebSocket(upgrade, this.#options[generation]);
  }
}
