import { ComparisonCache } from './comparison-cache.ts';

function setUp({ maxEntries = 100 } = {}) {
  let nowMs = 0;
  let comparisons = 0;
  const cache = new ComparisonCache({ lifetimeMs: 30_000, maxEntries, nowMs: () => nowMs });
  return {
    cache,
    ask: (secret: string, hash = 'hash', outcome: () => Promise<boolean> = async () => true) =>
      cache.recall(secret, hash, () => {
        comparisons += 1;
        return outcome();
      }),
    advance: (ms: number) => {
      nowMs += ms;
    },
    comparisons: () => comparisons,
  };
}

describe('the cache of comparisons', () => {
  it('compares once in its lifetime, whichever way it came out', async () => {
    for (const outcome of [true, false]) {
      const { ask, advance, comparisons } = setUp();
      expect(await ask('secret', 'hash', async () => outcome)).toBe(outcome);
      advance(29_999);
      expect(await ask('secret', 'hash', async () => !outcome)).toBe(outcome);
      expect(comparisons()).toBe(1);
      advance(1);
      await ask('secret');
      expect(comparisons()).toBe(2);
    }
  });

  it('joins those who ask while the comparison still runs', async () => {
    const { ask, comparisons } = setUp();
    let end: (outcome: boolean) => void = () => undefined;
    const running = new Promise<boolean>((resolve) => {
      end = resolve;
    });
    const answers = Array.from({ length: 5 }, () => ask('secret', 'hash', () => running));
    end(true);
    expect(await Promise.all(answers)).toEqual([true, true, true, true, true]);
    expect(comparisons()).toBe(1);
  });

  it('keeps another secret and another hash apart', async () => {
    const { ask, comparisons } = setUp();
    await ask('secret', 'hash');
    await ask('other', 'hash');
    await ask('secret', 'another');
    await ask('ash', 'secreth');
    expect(comparisons()).toBe(4);
  });

  it('does not remember a comparison that failed', async () => {
    const { ask, cache, comparisons } = setUp();
    await expect(ask('secret', 'hash', () => Promise.reject(new Error('busy')))).rejects.toThrow('busy');
    expect(cache.size).toBe(0);
    expect(await ask('secret')).toBe(true);
    expect(comparisons()).toBe(2);
  });

  it('holds no more than it may, the oldest going first', async () => {
    const { ask, cache, comparisons } = setUp({ maxEntries: 3 });
    for (const secret of ['a', 'b', 'c', 'd']) await ask(secret);
    expect(cache.size).toBe(3);
    await ask('d');
    expect(comparisons()).toBe(4);
    await ask('a');
    expect(comparisons()).toBe(5);
  });
});
