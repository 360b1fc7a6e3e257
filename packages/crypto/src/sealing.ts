import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type RandomSource, sha256 } from './digest.ts';

/*
 * Sealed value, version 1 (AES-256-GCM, NIST SP 800-38D):
 *   byte 0       version, 1
 *   bytes 1-4    id of the sealing key
 *   bytes 5-16   nonce, random
 *   bytes 17-32  authentication tag
 *   bytes 33-    ciphertext
 * The additional data is the context: a value moved to another row or column does not open.
 */
const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;

/** A sealed value that does not open: altered, of another context, or of a key that is not configured. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

/** Seals secrets for storage. */
export interface Sealer {
  /** @param context - names the place of the value, e.g. `codex_jwks_keys.private_pkcs8:<kid>`; needed again to open it */
  seal(plaintext: Uint8Array, context: string): Buffer;
  /** @throws {UnsealError} */
  open(sealed: Uint8Array, context: string): Buffer;
  /** Bytes 1-4 of what is sealed from now on, by which a database finds what is to be sealed again. */
  readonly currentKeyId: Buffer;
  /** False for a value that an earlier master key sealed and that should be sealed again. */
  isCurrent(sealed: Uint8Array): boolean;
}

/**
 * Reads a 32-byte key in base64, as `openssl rand -base64 32` prints it.
 * @throws {TypeError} for any other length or alphabet; the message does not contain the value
 */
export function parseSealingKey(base64: string): Buffer {
  const key = Buffer.from(base64, 'base64');
  const isExact = key.length === KEY_BYTES && key.toString('base64') === base64.trim();
  if (!isExact) throw new TypeError('a sealing key is 32 bytes in base64 (openssl rand -base64 32)');
  return key;
}

/** Seals with `current`; opens what `current` or one of `previous` sealed. */
export function createSealer(
  { current, previous = [] }: { current: Buffer; previous?: readonly Buffer[] },
  random: RandomSource = randomBytes,
): Sealer {
  const keys = new Map([current, ...previous].map((key) => [keyId(key).toString('hex'), key]));
  const currentId = keyId(current);
  return {
    currentKeyId: currentId,
    seal(plaintext, context) {
      const nonce = random(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current, nonce).setAAD(Buffer.from(context));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), currentId, nonce, cipher.getAuthTag(), ciphertext]);
    },
    open(sealed, context) {
      return openWith(keys, Buffer.from(sealed), context);
    },
    isCurrent(sealed) {
      return Buffer.from(sealed.subarray(1, 1 + KEY_ID_BYTES)).equals(currentId);
    },
  };
}

function keyId(key: Buffer): Buffer {
  if (key.length !== KEY_BYTES) throw new TypeError('a sealing key is 32 bytes');
  return sha256(Buffer.concat([Buffer.from('codex-gateways sealing key\0'), key])).subarray(0, KEY_ID_BYTES);
}

function openWith(keys: ReadonlyMap<string, Buffer>, sealed: Buffer, context: string): Buffer {
  if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) throw new UnsealError('not a sealed value');
  const key = keys.get(sealed.toString('hex', 1, 1 + KEY_ID_BYTES));
  if (!key) throw new UnsealError('sealed with a key that is not configured');
  const nonceEnd = 1 + KEY_ID_BYTES + NONCE_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1 + KEY_ID_BYTES, nonceEnd), {
    authTagLength: TAG_BYTES,
  })
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(nonceEnd, HEADER_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new UnsealError('altered, or sealed for another place', { cause });
  }
}
