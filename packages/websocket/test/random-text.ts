import { randomBytes } from 'node:crypto';

/** Valid as text and as bytes, different each time. */
export function randomText(size: number): Buffer {
  return Buffer.from(
    randomBytes(Math.ceil(size / 2))
      .toString('hex')
      .slice(0, size),
  );
}
