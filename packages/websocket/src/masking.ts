import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

interface NativeMasking {
  unmask(bytes: Uint8Array, key: Uint8Array): void;
  mask(from: Uint8Array, key: Uint8Array, to: Uint8Array, offset: number, length: number): void;
}

/** Below this a call into native code costs more than it saves. */
const NATIVE_FROM_BYTES = 256;
/** Below this a view of 32-bit words costs more than it saves. */
const WORDS_FROM_BYTES = 32;
const IS_LITTLE_ENDIAN = endianness() === 'LE';

const native = loadNative();
const nativeKey = Buffer.alloc(4);

/** Whether bufferutil, which is optional, does the work for large payloads. */
export const IS_MASKING_NATIVE = native !== undefined;

/**
 * Masks bytes in place, or unmasks them, which is the same (RFC 6455 §5.3).
 * @param key - its four bytes as a little-endian number
 */
export function applyMask(bytes: Buffer, key: number): void {
  if (native && bytes.length >= NATIVE_FROM_BYTES) {
    nativeKey.writeUInt32LE(key, 0);
    native.unmask(bytes, nativeKey);
  } else if (IS_LITTLE_ENDIAN && bytes.length >= WORDS_FROM_BYTES) {
    maskWords(bytes, key);
  } else {
    maskBytes(bytes, key);
  }
}

/**
 * `applyMask` on the way to another place.
 * @param to - as long as `from`
 */
export function moveMasked(from: Buffer, key: number, to: Buffer): void {
  if (native && from.length >= NATIVE_FROM_BYTES) {
    nativeKey.writeUInt32LE(key, 0);
    native.mask(from, nativeKey, to, 0, from.length);
  } else {
    to.set(from);
    applyMask(to, key);
  }
}

/** The key of what comes after so many bytes of a payload. */
export function turnKey(key: number, bytes: number): number {
  const shift = (bytes & 3) << 3;
  return shift === 0 ? key : ((key >>> shift) | (key << (32 - shift))) >>> 0;
}

/** `applyMask` four bytes at a time, for at least four bytes, on a machine whose words are little-endian. */
export function maskWords(bytes: Buffer, key: number): void {
  const { length, byteOffset } = bytes;
  const before = -byteOffset & 3;
  for (let index = 0; index < before; index += 1) bytes[index] = (bytes[index] as number) ^ (key >>> (index << 3));
  const wordCount = (length - before) >>> 2;
  const first = (byteOffset + before) >>> 2;
  const words = wordsOf(bytes.buffer);
  const wordKey = turnKey(key, before) | 0;
  for (let index = first; index < first + wordCount; index += 1) words[index] = (words[index] as number) ^ wordKey;
  for (let index = before + (wordCount << 2); index < length; index += 1) {
    bytes[index] = (bytes[index] as number) ^ (key >>> ((index & 3) << 3));
  }
}

/** Memory that is kept for its next use: what sockets read into, not a message of megabytes. */
const REMEMBERED_BYTES = 256 * 1024;
let remembered = new Int32Array(0);

/** All of this memory as words. A view for each message would cost as much as masking a short one. */
function wordsOf(memory: ArrayBufferLike): Int32Array {
  if (remembered.buffer === memory) return remembered;
  const words = new Int32Array(memory, 0, memory.byteLength >>> 2);
  if (memory.byteLength <= REMEMBERED_BYTES) remembered = words as typeof remembered;
  return words;
}

/** `applyMask` one byte at a time. */
export function maskBytes(bytes: Buffer, key: number): void {
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = (bytes[index] as number) ^ (key >>> ((index & 3) << 3));
  }
}

const POOLED_KEYS = 64;

/** Keys that nobody can foresee (§10.3), drawn some at a time. */
export class MaskKeys {
  readonly #pool = new Uint32Array(POOLED_KEYS);
  #next = POOLED_KEYS;

  next(): number {
    if (this.#next === POOLED_KEYS) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    const key = this.#pool[this.#next] as number;
    this.#next += 1;
    return key;
  }
}

/** bufferutil where it is installed and compiled: its own fallback is slower than ours. */
function loadNative(): NativeMasking | undefined {
  try {
    const masking = createRequire(import.meta.url)('bufferutil') as NativeMasking;
    return String(masking.unmask).includes('[native code]') ? masking : undefined;
  } catch {
    return undefined;
  }
}
