/** For a socket that has little to send. */
export const SMALL_BLOCK_BYTES = 4 * 1024;
export const LARGE_BLOCK_BYTES = 128 * 1024;
/** What is kept for the next ones: 1 MiB and 4 MiB. */
const SMALL_KEPT = 256;
const LARGE_KEPT = 32;

/**
 * Memory that frames are sent from. A block belongs to one socket from its first frame on until the system has taken all of them; then
 * the next one uses it again, while it is still in the processor's caches.
 */
export class BlockPool {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];

  /** @param bytes - what it is for; a block may be smaller */
  take(bytes: number): Buffer {
    if (bytes <= SMALL_BLOCK_BYTES) return this.#small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BLOCK_BYTES);
    return this.#large.pop() ?? Buffer.allocUnsafeSlow(LARGE_BLOCK_BYTES);
  }

  /** @param block - one that nobody reads or writes any more */
  giveBack(block: Buffer): void {
    if (block.length === SMALL_BLOCK_BYTES) {
      if (this.#small.length < SMALL_KEPT) this.#small.push(block);
    } else if (this.#large.length < LARGE_KEPT) {
      this.#large.push(block);
    }
  }
}
