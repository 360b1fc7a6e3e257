import { hash, verify } from '@node-rs/argon2';
import { BoundedWork, type WorkBounds } from '../bounded-work.ts';

/** OWASP's choice for argon2id, the library's default variant: 19 MiB, two passes, one lane; some 20 ms on the thread pool. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Longer ones are refused before they are hashed, so that a request cannot buy much work. */
export const MAX_PASSWORD_LENGTH = 256;

/** Hashes and checks passwords off the event loop, a few at a time. */
export class Passwords {
  readonly #work: BoundedWork;
  #decoyHash: Promise<string> | undefined;

  constructor(bounds: WorkBounds) {
    this.#work = new BoundedWork(bounds);
  }

  /** argon2id in PHC string form (RFC 9106). @throws {HttpError} 503 when too many others wait */
  hash(password: string): Promise<string> {
    return this.#work.run(() => hash(password, COST));
  }

  /**
   * Whether the password is the one behind the hash. Without a hash the answer is no, after the same work.
   * @param findHash - called once there is a place, so that an attempt which is refused for want of one is not counted
   * @throws {HttpError} 503 when too many others wait
   */
  matches(findHash: () => Promise<string | undefined>, password: string): Promise<boolean> {
    return this.#work.run(async () => {
      const passwordHash = await findHash();
      const isRight = await verify(passwordHash ?? (await this.#decoy()), password);
      return passwordHash !== undefined && isRight;
    });
  }

  #decoy(): Promise<string> {
    this.#decoyHash ??= hash('the password of nobody', COST);
    return this.#decoyHash;
  }
}
