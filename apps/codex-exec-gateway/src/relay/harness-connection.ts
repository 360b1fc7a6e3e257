import { StreamIds } from '@codex-gateways/relay-protocol';
import type { CloseCodeName } from '@codex-gateways/service';
import type { FrameSocket } from '@codex-gateways/websocket';
import { closeSocket } from '../connections/close-socket.ts';
import type { Generation } from '../registration/generation.ts';
import { FrameSink } from './frame-sink.ts';

/** What let a harness in. */
export interface HarnessAdmission {
  readonly exeId: string;
  readonly turnId: string;
  readonly workspaceId: string;
  readonly generation: Generation;
  /** When the turn's capability ends, in epoch seconds; the bridge ends with it. */
  readonly expiresAtSeconds: number;
}

/** One app-server's bridge to one executor. It may carry several streams. */
export class HarnessConnection {
  readonly admission: HarnessAdmission;
  readonly sink: FrameSink;
  /** What makes the ids of its frames cheaper to read. */
  readonly seenStreamIds = new StreamIds();
  /** The streams that it opened; kept by the relay. */
  readonly streamIds = new Set<string>();
  readonly #ws: FrameSocket;
  readonly #onEnd: (harness: HarnessConnection) => void;
  #isOver = false;

  /** @param onEnd - called once, as soon as the connection is closed by us or lost */
  constructor(
    ws: FrameSocket,
    admission: HarnessAdmission,
    { bufferBytes, onEnd }: { bufferBytes: number; onEnd: (harness: HarnessConnection) => void },
  ) {
    this.#ws = ws;
    this.admission = admission;
    this.sink = new FrameSink(ws, { highWaterBytes: bufferBytes, limitBytes: bufferBytes });
    this.#onEnd = onEnd;
    ws.on('close', () => this.#end());
  }

  /** True from the moment it is closed: what still arrives is ignored. */
  get isOver(): boolean {
    return this.#isOver;
  }

  pause(): void {
    if (!this.#isOver) this.#ws.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#ws.resume();
  }

  /** It does not read what its executor sends: it goes, so that nobody else waits for it. */
  overflow(): void {
    this.close('bufferFull', 'the harness does not read fast enough');
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
