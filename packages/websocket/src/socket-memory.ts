import type { Duplex } from 'node:stream';
import { BlockPool } from './block-pool.ts';
import { FlushTurn } from './flush-turn.ts';
import { MaskKeys } from './masking.ts';
import { readInto } from './read-into.ts';
import { MAX_STASH_BYTES, StashPool } from './stash-pool.ts';

/** What is read at once. */
export const READ_BYTES = 64 * 1024;

/** @param memory - holds what was read from `start` to `end`; it and `MAX_STASH_BYTES` in front are the listener's during the call */
export type OnChunk = (memory: Buffer, start: number, end: number) => void;

/**
 * What the sockets of a process share: memory that all read into, one after the other, so that it stays in the processor's caches;
 * memory that they send from; masks for what they send; and the turn of the event loop with which their frames leave.
 */
export class SocketMemory {
  readonly flushTurn = new FlushTurn();
  readonly maskKeys = new MaskKeys();
  readonly blocks = new BlockPool();
  readonly stashes = new StashPool();
  /** What was read lies behind room for the stash. */
  readonly #memory = Buffer.allocUnsafeSlow(MAX_STASH_BYTES + READ_BYTES);
  readonly #room = this.#memory.subarray(MAX_STASH_BYTES);
  #isLookedAt = false;

  /** Hands on whatever the socket reads, as soon as it flows. */
  listen(socket: Duplex, onChunk: OnChunk): void {
    readInto(socket, this.#room, (bytes) => {
      if (!socket.isPaused()) {
        this.#show(bytes, onChunk);
        return true;
      }
      // Node.js read on although it was told not to: the chunk waits as any other would.
      socket.push(Buffer.from(this.#room.subarray(0, bytes)));
      return false;
    });
    socket.on('data', (chunk: Buffer) => this.handOver(chunk, onChunk));
  }

  /**
   * Hands on what was read elsewhere.
   * @throws {Error} within a call of another listener, whose chunk would be lost, and seen as this one: no socket of Node.js delivers while
   *   another one does, a stream that is none might
   */
  handOver(chunk: Buffer, onChunk: OnChunk): void {
    for (let from = 0; from < chunk.length; from += READ_BYTES) {
      if (this.#isLookedAt) throw new Error('what was read before is still looked at');
      this.#show(chunk.copy(this.#room, 0, from, from + READ_BYTES), onChunk);
    }
  }

  #show(bytes: number, onChunk: OnChunk): void {
    this.#isLookedAt = true;
    try {
      onChunk(this.#memory, MAX_STASH_BYTES, MAX_STASH_BYTES + bytes);
    } finally {
      this.#isLookedAt = false;
    }
  }
}
