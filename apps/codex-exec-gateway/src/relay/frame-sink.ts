import { WebSocket } from 'ws';

/** What one queued frame costs beside its bytes: its buffers, its header, its place in the socket's queue. */
export const FRAME_OVERHEAD_BYTES = 512;

/** From this much in the queue on, a small frame is cut out of the large chunk that it arrived in. */
const COMPACT_FROM_BYTES = 64 * 1024;

const SEND_OPTIONS = { binary: true, compress: false } as const;

export type SendOutcome = 'sent' | 'full' | 'closing';

/**
 * The way out to one peer, with two bounds in bytes: at high water its producers are told to pause, at half of that to go
 * on; at the limit a frame is refused. One frame may reach over the limit, or a large frame could never pass.
 */
export class FrameSink {
  readonly #ws: WebSocket;
  readonly #highWaterBytes: number;
  readonly #limitBytes: number;
  readonly #onPressure: (isCongested: boolean) => void;
  #queuedFrames = 0;
  #isCongested = false;

  constructor(
    ws: WebSocket,
    {
      highWaterBytes,
      limitBytes,
      onPressure = () => undefined,
    }: { highWaterBytes: number; limitBytes: number; onPressure?: (isCongested: boolean) => void },
  ) {
    this.#ws = ws;
    this.#highWaterBytes = highWaterBytes;
    this.#limitBytes = limitBytes;
    this.#onPressure = onPressure;
  }

  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** What waits for the peer, in bytes of memory. */
  get queuedBytes(): number {
    return this.#ws.bufferedAmount + this.#queuedFrames * FRAME_OVERHEAD_BYTES;
  }

  /** Sends the frame as it is, without a copy while the peer keeps up. */
  send(frame: Buffer): SendOutcome {
    if (this.#ws.readyState !== WebSocket.OPEN) return 'closing';
    const queuedBytes = this.queuedBytes;
    if (queuedBytes >= this.#limitBytes) return 'full';
    this.#queuedFrames += 1;
    this.#ws.send(queuedBytes < COMPACT_FROM_BYTES ? frame : compact(frame), SEND_OPTIONS, this.#flushed);
    if (!this.#isCongested && this.queuedBytes >= this.#highWaterBytes) this.#setCongested(true);
    return 'sent';
  }

  // Called for every frame, also for those that a closing socket throws away.
  readonly #flushed = (): void => {
    this.#queuedFrames -= 1;
    if (this.#isCongested && this.queuedBytes <= this.#highWaterBytes / 2) this.#setCongested(false);
  };

  #setCongested(isCongested: boolean): void {
    this.#isCongested = isCongested;
    this.#onPressure(isCongested);
  }
}

/** A frame that waits keeps the whole chunk alive that it was read with; a small one is copied to let go of that. */
function compact(frame: Buffer): Buffer {
  if (frame.buffer.byteLength <= 2 * frame.length) return frame;
  const copy = Buffer.allocUnsafeSlow(frame.length);
  frame.copy(copy);
  return copy;
}
