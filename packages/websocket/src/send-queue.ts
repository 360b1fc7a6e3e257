import type { Duplex } from 'node:stream';
import type { FlushTurn } from './flush-turn.ts';

export type SendCallback = (error?: Error | null) => void;

/** Frames of less than this on the average are copied into one piece of memory before they are written: cheaper than a list. */
const LIST_FROM_BYTES = 2048;
/** From this much in the queue on, a frame is cut out of a chunk more than so many times as large, which it would keep alive. */
const COMPACT_FROM_BYTES = 64 * 1024;
const COMPACT_FROM_RATIO = 4;

/** A turn that sends more than this begins before it ends. */
const FLUSH_FROM_BYTES = 256 * 1024;

interface Batch {
  readonly bytes: number;
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
  readonly #pending: Buffer[] = [];
  /** What was added last, while more of the same memory may follow it. */
  #run: Buffer | undefined;
  #runStart = 0;
  #runEnd = 0;
  #pendingBytes = 0;
  #pendingFrames = 0;
  #pendingCallbacks: SendCallback[] | undefined;
  readonly #batches: Batch[] = [];
  #framesUnderWay = 0;
  #bytesUnderWay = 0;

  /** @param onTaken - the system took a batch, or the socket is gone and it was thrown away */
  constructor(socket: Duplex, turn: FlushTurn, onTaken: () => void) {
    this.#socket = socket;
    this.#turn = turn;
    this.#onTaken = onTaken;
  }

  /** What waits, in bytes. */
  get bytes(): number {
    return this.#pendingBytes + this.#bytesUnderWay;
  }

  get pendingFrames(): number {
    return this.#pendingFrames;
  }

  /** How many frames wait. */
  get frames(): number {
    return this.#pendingFrames + this.#framesUnderWay;
  }

  /** Adds a part of a frame, the bytes of `memory` from `start` to `end`. They belong to the queue from now on. */
  append(memory: Buffer, start: number, end: number): void {
    if (this.#run === memory && this.#runEnd === start) {
      this.#runEnd = end;
    } else {
      this.#endRun();
      this.#run = memory;
      this.#runStart = start;
      this.#runEnd = end;
    }
    this.#pendingBytes += end - start;
  }

  /**
   * The frame is complete, and leaves: now, or together with others.
   * @param isLast - nothing else came with what it was made from, so that nothing is won by waiting
   */
  endFrame(isLast: boolean, callback: SendCallback | undefined): void {
    this.#pendingFrames += 1;
    if (callback) {
      this.#pendingCallbacks ??= [];
      this.#pendingCallbacks.push(callback);
    }
    if (this.#pendingBytes >= FLUSH_FROM_BYTES) this.flush();
    else if (this.#pendingFrames === 1) this.#turn.add(this, isLast);
  }

  /** Hands all to the socket now. */
  flush(): void {
    if (this.#pendingFrames === 0) return;
    this.#endRun();
    const buffers = this.#pending;
    const bytes = this.#pendingBytes;
    this.#batches.push({ bytes, frames: this.#pendingFrames, callbacks: this.#pendingCallbacks });
    this.#framesUnderWay += this.#pendingFrames;
    this.#bytesUnderWay += bytes;
    this.#pendingBytes = 0;
    this.#pendingFrames = 0;
    this.#pendingCallbacks = undefined;
    const [first] = buffers as [Buffer];
    if (buffers.length === 1) this.#socket.write(first, this.#taken);
    else if (bytes < LIST_FROM_BYTES * buffers.length) this.#socket.write(Buffer.concat(buffers, bytes), this.#taken);
    else this.#writeList(buffers);
    buffers.length = 0;
  }

  #endRun(): void {
    const memory = this.#run;
    if (!memory) return;
    const run = memory.subarray(this.#runStart, this.#runEnd);
    this.#pending.push(this.bytes >= COMPACT_FROM_BYTES ? compact(run) : run);
    this.#run = undefined;
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
    this.#bytesUnderWay -= batch.bytes;
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
