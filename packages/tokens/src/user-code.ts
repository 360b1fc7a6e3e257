import { randomInt } from 'node:crypto';

// RFC 8628 §6.1: consonants without look-alikes, so that a code is easily typed and never spells a word. 20^8 ≈ 2^34.
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;

/** Makes a user code in its printed form, `BDWP-HQPK`. */
export function mintUserCode(randomBelow: (limit: number) => number = randomInt): string {
  const letters = Array.from({ length: LENGTH }, () => ALPHABET[randomBelow(ALPHABET.length)]).join('');
  return `${letters.slice(0, LENGTH / 2)}-${letters.slice(LENGTH / 2)}`;
}

/** Brings what a person typed (small letters, spaces, no dash) into the printed form; undefined when it cannot be a code. */
export function normalizeUserCode(typed: string): string | undefined {
  const letters = typed.slice(0, 64).toUpperCase().replace(/[\s-]/g, '');
  if (letters.length !== LENGTH || [...letters].some((letter) => !ALPHABET.includes(letter))) return undefined;
  return `${letters.slice(0, LENGTH / 2)}-${letters.slice(LENGTH / 2)}`;
}
