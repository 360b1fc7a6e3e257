import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Where random bytes come from; tests pass a fixed source. */
export type RandomSource = (sizeBytes: number) => Buffer;

/** SHA-256 of UTF-8 text or bytes: the only form in which a token reaches the database. */
export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/** What a log line may say of a token: the first 8 hex digits of its SHA-256. */
export function fingerprint(token: string): string {
  return sha256(token).toString('hex', 0, 4);
}

/**
 * Compares two secrets in a time that tells nothing of either, their lengths included: both are hashed first, so
 * the comparison is always over 32 bytes.
 */
export function constantTimeEqual(left: string | Uint8Array, right: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(left), sha256(right));
}

/** An unguessable URL-safe text: base64url without padding over `sizeBytes` random bytes (32 bytes: 43 characters). */
export function randomToken(sizeBytes = 32, random: RandomSource = randomBytes): string {
  return random(sizeBytes).toString('base64url');
}
