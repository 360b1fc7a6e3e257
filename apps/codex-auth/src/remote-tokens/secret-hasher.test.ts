import { setImmediate as turn } from 'node:timers/promises';
import { type Bcrypt, nativeBcrypt, SecretHasher } from './secret-hasher.ts';

/** A bcrypt whose comparisons end when the test says so. */
function heldBcrypt() {
  const held: ((outcome: boolean) => void)[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const bcrypt: Bcrypt = {
    ...nativeBcrypt,
    verify: async () => {
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      const outcome = await new Promise<boolean>((resolve) => held.push(resolve));
      running -= 1;
      return outcome;
    },
  };
  return { bcrypt, held, mostAtOnce: () => mostAtOnce };
}

describe('the hasher of secrets', () => {
  it('makes bcrypt hashes of the cost it was told and recognises its own', async () => {
    const hasher = new SecretHasher({ cost: 4, maxConcurrent: 1, maxWaiting: 1 });
    const hash = await hasher.hash('a secret');
    expect(hash).toMatch(/^\$2b\$04\$[./A-Za-z0-9]{53}$/);
    expect(await hasher.verify('a secret', hash)).toBe(true);
    expect(await hasher.verify('another', hash)).toBe(false);
  });

  it('has a decoy of the same cost that bcrypt really computes with, and that nothing matches', async () => {
    const hasher = new SecretHasher({ cost: 12, maxConcurrent: 1, maxWaiting: 0 });
    expect(hasher.decoyHash).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/);
    const workOf = async (hash: string) => {
      const before = process.cpuUsage(); // of all threads; what a busy machine does meanwhile does not count
      expect(await hasher.verify('x'.repeat(43), hash)).toBe(false);
      return process.cpuUsage(before).user;
    };
    // A hash that bcrypt cannot read costs it no work at all; the factor between the two is in the thousands.
    expect(await workOf(hasher.decoyHash)).toBeGreaterThan(10 * (await workOf('unreadable')));
  });

  it('runs no more at once than it may, and answers all that wait', async () => {
    const { bcrypt, held, mostAtOnce } = heldBcrypt();
    const hasher = new SecretHasher({ cost: 4, maxConcurrent: 2, maxWaiting: 3, bcrypt });
    const answers = Array.from({ length: 5 }, () => hasher.verify('s', 'h'));
    for (let ended = 0; ended < 5; ended += 1) {
      await turn();
      held.shift()?.(true);
    }
    expect(await Promise.all(answers)).toEqual([true, true, true, true, true]);
    expect(mostAtOnce()).toBe(2);
  });

  it('refuses at once, with 503, what would have to wait behind too many', async () => {
    const { bcrypt, held } = heldBcrypt();
    const hasher = new SecretHasher({ cost: 4, maxConcurrent: 1, maxWaiting: 1, bcrypt });
    const accepted = [hasher.verify('s', 'h'), hasher.verify('s', 'h')];
    await expect(hasher.verify('s', 'h')).rejects.toMatchObject({ status: 503, headers: { 'Retry-After': '1' } });
    held.shift()?.(false);
    await turn();
    held.shift()?.(false);
    expect(await Promise.all(accepted)).toEqual([false, false]);
  });

  it('gives the place of a failed one to the next', async () => {
    const failing: Bcrypt = { ...nativeBcrypt, verify: () => Promise.reject(new Error('no memory')) };
    const hasher = new SecretHasher({ cost: 4, maxConcurrent: 1, maxWaiting: 1, bcrypt: failing });
    const both = await Promise.allSettled([hasher.verify('s', 'h'), hasher.verify('s', 'h')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(hasher.verify('s', 'h')).rejects.toThrow('no memory');
  });
});
