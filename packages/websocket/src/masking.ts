import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';

type NativeUnmask = (bytes: Uint8Array, key: Uint8Array) => void;

/** Below this a call into native code costs more than it saves. */
const NATIVE_FROM_BYTES = 256;
/** Below this a view of 32-bit words costs more than it saves. */
const WORDS_FROM_BYTES = 32;
const IS_LITTLE_ENDIAN = endianness() === 'LE';

const nativeUnmask = loadNative();
const nativeKey = Buffer.alloc(4);

/** Whether bufferutil, which is optional, does the work for large payloads. */
export const IS_MASKING_NATIVE = nativeUnmask !== undefined;

/**
 * Masks bytes in place, or unmasks them, which is the same (RFC 6455 §5.3).
 * @param key - its four bytes as a little-endian number
 */
export function applyMask(bytes: Buffer, key: number): void {
  if (nativeUnmask && bytes.length >= NATIVE_FROM_BYTES) {
    nativeKey.writeUInt32LE(key, 0);
    nativeUnmask(bytes, nativeKey);
  } else if (IS_LITTLE_ENDIAN && bytes.length >= WORDS_FROM_BYTES) {
    maskWords(bytes, key);
  } else {
    maskBytes(bytes, key);
  }
}

/** `applyMask` four bytes at a time, for at least four bytes, on a machine whose words are little-endian. */
export function maskWords(bytes: Buffer, key: number): void {
  const { length, byteOffset } = bytes;
  const before = -byteOffset & 3;
  for (let index = 0; index < before; index += 1) bytes[index] = (bytes[index] as number) ^ (key >>> (index << 3));
  const wordCount = (length - before) >>> 2;
  const words = new Int32Array(bytes.buffer, byteOffset + before, wordCount);
  const shift = before << 3;
  const turnedKey = shift === 0 ? key | 0 : (key >>> shift) | (key << (32 - shift));
  for (let index = 0; index < wordCount; index += 1) words[index] = (words[index] as number) ^ turnedKey;
  for (let index = before + (wordCount << 2); index < length; index += 1) {
    bytes[index] = (bytes[index] as number) ^ (key >>> ((index & 3) << 3));
  }
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
function loadNative(): NativeUnmask | undefined {
  try {
    const { unmask } = createRequire(import.meta.url)('bufferutil') as { unmask: NativeUnmask };
    return String(unmask).includes('[native code]') ? unmask : undefined;
  } catch {
    return undefined;
  }
}
