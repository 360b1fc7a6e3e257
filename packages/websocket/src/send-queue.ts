import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { LARGE_BLOCK_BYTES } from './block-pool.ts';
import { bytesOfHeader, type FrameToWrite, writeHeader } from './frame-header.ts';
import { moveMasked, turnKey } from './masking.ts';
import { isPlainSocket } from './plain-socket.ts';
import type { SocketMemory } from './socket-memory.ts';

/** A turn that sends more than this begins before it ends. */
const FLUSH_FROM_BYTES = 64 * 1024;

interface Batch {
  readonly bytes: number;
  readonly frames: number;
  readonly blocks: readonly Buffer[];
  /** Somebody may have seen that it waited. */
  readonly isAwaited: boolean;
}

/**
 * The way out of one socket: the frames of one turn of the event loop leave together. It holds what it is given; whoever gives looks
 * at `bytes` and `frames`, and stops in time.
 */
export class SendQueue {
  readonly #socket: Duplex;
  readonly #plainSocket: Socket | undefined;
  readonly #memory: SocketMemory;
  readonly #onTaken: () => void;
  #pieces: Buffer[] = [];
  /** What pieces are made of, to be given back. */
  #blocks: Buffer[] = [];
  /** What is filled now, and from where to where. */
  #block: Buffer | undefined;
  #pieceStart = 0;
  #pieceEnd = 0;
  #pendingBytes = 0;
  #pendingFrames = 0;
  readonly #batches: Batch[] = [];
  #framesUnderWay = 0;
  #bytesUnderWay = 0;
  #isAdding = false;
  #isWriting = false;
  #isHeldBack = false;

  /** @param onTaken - the system took a batch that had waited, or the socket is gone and it was thrown away; never called while one is added */
  constructor(socket: Duplex, memory: SocketMemory, onTaken: () => void) {
    this.#socket = socket;
    this.#plainSocket = isPlainSocket(socket) ? socket : undefined;
    this.#memory = memory;
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

  /** Adds the header of a frame. */
  addHeader(frame: FrameToWrite): void {
    const bytes = bytesOfHeader(frame);
    const block = this.#roomFor(bytes, bytes + frame.payloadBytes);
    writeHeader(block, this.#pieceEnd, frame);
    this.#pieceEnd += bytes;
    this.#pendingBytes += bytes;
  }

  /**
   * Adds a copy of the bytes of `memory` from `start` to `end`.
   * @param maskKey - masks the copy
   */
  addCopy(memory: Buffer, start: number, end: number, maskKey?: number): void {
    let next = start;
    while (next < end) {
      const block = this.#roomFor(1, end - next);
      const bytes = Math.min(end - next, block.length - this.#pieceEnd);
      if (maskKey === undefined) {
        memory.copy(block, this.#pieceEnd, next, next + bytes);
      } else {
        const to = block.subarray(this.#pieceEnd, this.#pieceEnd + bytes);
        moveMasked(memory.subarray(next, next + bytes), turnKey(maskKey, next - start), to);
      }
      this.#pieceEnd += bytes;
      next += bytes;
    }
    this.#pendingBytes += end - start;
  }

  /** Adds bytes that belong to the queue from now on. */
  addOwned(bytes: Buffer): void {
    this.#endPiece();
    this.#pieces.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /**
   * The frame is complete, and leaves: now, or together with others.
   * @param isLast - nothing else came with what it was made from, so that nothing is won by waiting
   */
  endFrame(isLast: boolean): void {
    this.#pendingFrames += 1;
    this.#isAdding = true;
    if (this.#pendingBytes >= FLUSH_FROM_BYTES) this.flush();
    else if (this.#pendingFrames === 1) this.#memory.flushTurn.add(this, isLast);
    this.#isAdding = false;
  }

  /**
   * Hands all to the socket; while that waits for the system, what comes is put into the same block instead. A peer that does not read
   * would else have a block for each turn of the event loop, however little is in it.
   */
  flush(): void {
    if (this.#batches.length > 0) this.#isHeldBack = true;
    else this.flushNow();
  }

  /** Hands all to the socket now. */
  flushNow(): void {
    this.#isHeldBack = false;
    if (this.#pendingFrames === 0) return;
    this.#endPiece();
    this.#block = undefined;
    const pieces = this.#pieces;
    const frames = this.#pendingFrames;
    const bytes = this.#pendingBytes;
    const isFirst = this.#batches.length === 0;
    this.#batches.push({ bytes, frames, blocks: this.#blocks, isAwaited: !this.#isAdding || frames > 1 });
    this.#framesUnderWay += frames;
    this.#bytesUnderWay += bytes;
    this.#pieces = [];
    this.#blocks = [];
    this.#pendingBytes = 0;
    this.#pendingFrames = 0;
    const [piece] = pieces;
    if (pieces.length > 1) this.#writeList(pieces);
    else if (isFirst && this.#plainSocket?.writableLength === 0) this.#writeThrough(this.#plainSocket, piece);
    else this.#socket.write(piece, this.#taken);
  }

  /**
   * The block that is filled now.
   * @param atLeast - how many bytes there has to be room for, in a row
   * @param wanted - how many are to come
   */
  #roomFor(atLeast: number, wanted: number): Buffer {
    const block = this.#block;
    if (block) {
      const room = block.length - this.#pieceEnd;
      if (room >= wanted || (room >= atLeast && block.length === LARGE_BLOCK_BYTES)) return block;
    }
    this.#endPiece();
    // What did not fit into a small one is followed by more.
    const next = this.#memory.blocks.take(block ? LARGE_BLOCK_BYTES : wanted);
    this.#block = next;
    this.#blocks.push(next);
    this.#pieceStart = 0;
    this.#pieceEnd = 0;
    return next;
  }

  #endPiece(): void {
    if (!this.#block || this.#pieceEnd === this.#pieceStart) return;
    this.#pieces.push(this.#block.subarray(this.#pieceStart, this.#pieceEnd));
    this.#pieceStart = this.#pieceEnd;
  }

  #writeList(pieces: readonly Buffer[]): void {
    const last = pieces.length - 1;
    this.#socket.cork();
    for (let index = 0; index < last; index += 1) this.#socket.write(pieces[index]);
    this.#socket.write(pieces[last], this.#taken);
    this.#socket.uncork();
  }

  /**
   * Past the records that a stream keeps of what is written, which cost more than all else here: while nothing waits in it they tell nothing. The
   * system has mostly taken all of it when this returns; if not, what is written later waits behind it in the socket's handle.
   */
  #writeThrough(socket: Socket, piece: Buffer | undefined): void {
    this.#isWriting = true;
    socket._write(piece, 'buffer' as BufferEncoding, this.#taken);
    this.#isWriting = false;
  }

  // Called once for each batch, in order; within `_write` when the system took it at once.
  readonly #taken = (error?: Error | null): void => {
    const batch = this.#batches.shift();
    if (!batch) return;
    this.#framesUnderWay -= batch.frames;
    this.#bytesUnderWay -= batch.bytes;
    if (error) this.#socket.destroy(error);
    // What a lost connection had left may still be somebody's.
    else if (!this.#socket.destroyed) for (const block of batch.blocks) this.#memory.blocks.giveBack(block);
    if (this.#isHeldBack) this.flush();
    if (!this.#isWriting) this.#onTaken();
    else if (batch.isAwaited) process.nextTick(this.#onTaken);
  };
}
