/** What a stash holds at most: it is put into the headroom of the next chunk. */
export const MAX_STASH_BYTES = 64 * 1024;
/** Less than this is not worth a block. */
const BLOCK_FROM_BYTES = 1024;
/** There are 2 MiB of them; who comes when all are taken gets new memory of just the size. */
const BLOCKS = 32;

/** Memory for beginnings of frames whose rest has not come: mostly until the next chunk, so the same blocks serve many sockets. */
export class StashPool {
  readonly #free: Buffer[] = [];
  #made = 0;

  /** @returns at least so many bytes */
  take(bytes: number): Buffer {
    if (bytes < BLOCK_FROM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    const block = this.#free.pop();
    if (block) return block;
    if (this.#made === BLOCKS) return Buffer.allocUnsafeSlow(bytes);
    this.#made += 1;
    return Buffer.allocUnsafeSlow(MAX_STASH_BYTES);
  }

  /** Each is to be given back once. */
  giveBack(memory: Buffer): void {
    if (memory.length === MAX_STASH_BYTES) this.#free.push(memory);
  }
}
