import { type Bcrypt, nativeBcrypt } from '../src/remote-tokens/secret-hasher.ts';

/** The real bcrypt, counting comparisons: what a refusal costs is seen in work done, not in time passed. */
export class CountingBcrypt implements Bcrypt {
  readonly hash = nativeBcrypt.hash;
  /** The cost of each comparison so far. */
  costs: number[] = [];

  verify(secret: string, encodedHash: string): Promise<boolean> {
    this.costs.push(Number(encodedHash.slice(4, 6)));
    return nativeBcrypt.verify(secret, encodedHash);
  }

  /** The costs of the comparisons that `work` caused. */
  async during(work: () => Promise<unknown>): Promise<number[]> {
    this.costs = [];
    await work();
    return this.costs;
  }
}
