import { type FrameSocket, READY_STATES } from '@codex-gateways/websocket';

/** What one queued frame costs beside its bytes: its buffers, its header, its place in the socket's queue. */
export const FRAME_OVERHEAD_BYTES = 512;

export type SendOutcome = 'sent' | 'full' | 'closing';

/**
 * The way out to one peer, with two bounds in bytes: at high water its producers are told to pause, at half of that to go
 * on; at the limit a frame is refused. One frame may reach over the limit, or a large frame could never pass.
 */
export class FrameSink {
  readonly #ws: FrameSocket;
  readonly #highWaterBytes: number;
  readonly #limitBytes: number;
  readonly #onPressure: ((isCongested: boolean) => void) | undefined;
  #isCongested = false;

  /** @param options.onPressure - without it nobody is paused, and only the limit counts */
  constructor(
    ws: FrameSocket,
    options: { highWaterBytes: number; limitBytes: number; onPressure?: (isCongested: boolean) => void },
  ) {
    this.#ws = ws;
    this.#highWaterBytes = options.highWaterBytes;
    this.#limitBytes = options.limitBytes;
    this.#onPressure = options.onPressure;
    if (options.onPressure) ws.on('taken', () => this.#taken());
  }

  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** What waits for the peer, in bytes of memory. */
  get queuedBytes(): number {
    return this.#ws.bufferedAmount + this.#ws.queuedFrames * FRAME_OVERHEAD_BYTES;
  }

  /** Sends a frame of our own. */
  send(frame: Buffer): SendOutcome {
    const outcome = this.#outcome();
    if (outcome === 'sent') {
      this.#ws.send(frame);
      this.#added();
    }
    return outcome;
  }

  /** Passes the frame that `from` is delivering on as it is; its bytes are not to be looked at any more. */
  forward(from: FrameSocket): SendOutcome {
    const outcome = this.#outcome();
    if (outcome === 'sent') {
      this.#ws.forward(from);
      this.#added();
    }
    return outcome;
  }

  #outcome(): SendOutcome {
    if (this.#ws.readyState !== READY_STATES.open) return 'closing';
    return this.queuedBytes >= this.#limitBytes ? 'full' : 'sent';
  }

  #added(): void {
    if (this.#onPressure && !this.#isCongested && this.queuedBytes >= this.#highWaterBytes) this.#setCongested(true);
  }

  #taken(): void {
    if (this.#isCongested && this.queuedBytes <= this.#highWaterBytes / 2) this.#setCongested(false);
  }

  #setCongested(isCongested: boolean): void {
    this.#isCongested = isCongested;
    this.#onPressure?.(isCongested);
  }
}
