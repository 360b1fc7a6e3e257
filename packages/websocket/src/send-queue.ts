import type { Duplex } from 'node:stream';
import type { FlushTurn } from './flush-turn.ts';

export type SendCallback = (error?: Error | null) => void;

/** Frames of less than this on the average are copied into one piece of memory before they are written: cheaper than a list. */
const LIST_FROM_BYTES = 2048;
/** From this much in the queue on, a frame is cut out of a chunk more than so many times as large, which it would keep alive. */
const COMPACT_FROM_BYTES = 64 * 1024;
const COMPACT_FROM_RATIO = 4;

/** A turn that sends more than this begins before it ends. */
const FLUSH_FROM_BYTES = 64 * 1024;

export interface QueuedFrame {
  readonly payload: Buffer | undefined;
  readonly isLast: boolean;
  readonly callback: SendCallback | undefined;
}

interface Batch {
  readonly frames: number;
  readonly callbacks: readonly SendCallback[] | undefined;
}

/**
 * The way out of one socket: the frames of one turn of the event loop leave together. It holds what it is given; whoever gives looks
 * at `bytes` and `frames`, and stops in time.
 */
export class SendQueue {
  readonly #socket: Duplex;
  readonly #turn: FlushTurn;
  readonly #onTaken: () => void;
  #pending: Buffer[] | undefined;
  #pendingBytes = 0;
  #pendingFrames = 0;
  #pendingCallbacks: SendCallback[] | undefined;
  readonly #batches: Batch[] = [];
  #framesUnderWay = 0;

  /** @param onTaken - the system took a batch, or the socket is gone and it was thrown away */
  constructor(socket: Duplex, turn: FlushTurn, onTaken: () => void) {
    this.#socket = socket;
    this.#turn = turn;
    this.#onTaken = onTaken;
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#pendingBytes + this.#socket.writableLength;
  }

  get pendingFrames(): number {
    return this.#pendingFrames;
  }

  /** How many frames wait. */
  get frames(): number {
    return this.#pendingFrames + this.#framesUnderWay;
  }

  /**
   * Adds one frame, which from now on belongs to the queue.
   * @param frame.payload - when `head` is only its header
   * @param frame.isLast - nothing else came with what it was made from, so that nothing is won by waiting
   */
  add(head: Buffer, { payload, isLast, callback }: QueuedFrame): void {
    const isFirst = this.#pending === undefined;
    const compacts = this.bytes >= COMPACT_FROM_BYTES;
    const first = compacts ? compact(head) : head;
    if (this.#pending) this.#pending.push(first);
    else this.#pending = [first];
    this.#pendingFrames += 1;
    this.#pendingBytes += head.length;
    if (payload) {
      this.#pending.push(compacts ? compact(payload) : payload);
      this.#pendingBytes += payload.length;
    }
    if (callback) {
      this.#pendingCallbacks ??= [];
      this.#pendingCallbacks.push(callback);
    }
    if (this.#pendingBytes >= FLUSH_FROM_BYTES) this.flush();
    else if (isFirst) this.#turn.add(this, isLast);
  }

  /** Hands all to the socket now. */
  flush(): void {
    const buffers = this.#pending;
    if (!buffers) return;
    const bytes = this.#pendingBytes;
    this.#batches.push({ frames: this.#pendingFrames, callbacks: this.#pendingCallbacks });
    this.#framesUnderWay += this.#pendingFrames;
    this.#pending = undefined;
    this.#pendingBytes = 0;
    this.#pendingFrames = 0;
    this.#pendingCallbacks = undefined;
    const [first] = buffers as [Buffer];
    if (buffers.length === 1) this.#socket.write(first, this.#taken);
    else if (bytes < LIST_FROM_BYTES * buffers.length) this.#socket.write(Buffer.concat(buffers, bytes), this.#taken);
    else this.#writeList(buffers);
  }

  #writeList(buffers: readonly Buffer[]): void {
    const last = buffers.length - 1;
    this.#socket.cork();
    for (let index = 0; index < last; index += 1) this.#socket.write(buffers[index]);
    this.#socket.write(buffers[last], this.#taken);
    this.#socket.uncork();
  }

  // Called once for each batch, in order.
  readonly #taken = (error?: Error | null): void => {
    const batch = this.#batches.shift();
    if (!batch) return;
    this.#framesUnderWay -= batch.frames;
    if (batch.callbacks) for (const callback of batch.callbacks) callback(error);
    this.#onTaken();
  };
}

function compact(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength <= COMPACT_FROM_RATIO * bytes.length) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
