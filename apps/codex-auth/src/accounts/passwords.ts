import { hash, verify } from '@node-rs/argon2';

/** OWASP's choice for argon2id, the library's default variant: 19 MiB, two passes, one lane; some 20 ms on the thread pool. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Longer ones are refused before they are hashed, so that a request cannot buy much work. */
export const MAX_PASSWORD_LENGTH = 256;

/** argon2id in PHC string form (RFC 9106), off the event loop. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, COST);
}

export async function passwordMatches(passwordHash: string, password: string): Promise<boolean> {
  return verify(passwordHash, password);
}
