import { LookupBatch } from './lookup-batch.ts';

describe('lookups that share a statement', () => {
  it('are loaded together when they are asked for together, each with its own answer', async () => {
    const loads: string[][] = [];
    const batch = new LookupBatch(async (keys: readonly string[]) => {
      loads.push([...keys]);
      return new Map(keys.flatMap((key, position) => (key === 'none' ? [] : [[position, key.toUpperCase()] as const])));
    });
    const found = await Promise.all(['a', 'none', 'a', 'b'].map((key) => batch.find(key)));
    expect(found).toEqual(['A', undefined, 'A', 'B']);
    expect(loads).toEqual([['a', 'none', 'a', 'b']]);
  });

  it('are loaded anew when they are asked for later: nothing is remembered', async () => {
    let loads = 0;
    const batch = new LookupBatch(async () => {
      loads += 1;
      return new Map([[0, loads]]);
    });
    expect([await batch.find('a'), await batch.find('a')]).toEqual([1, 2]);
  });

  it('are loaded in several statements when there are too many for one', async () => {
    const sizes: number[] = [];
    const batch = new LookupBatch(
      async (keys: readonly number[]) => {
        sizes.push(keys.length);
        return new Map(keys.map((key, position) => [position, key]));
      },
      { maxKeys: 2 },
    );
    expect(await Promise.all([1, 2, 3, 4, 5].map((key) => batch.find(key)))).toEqual([1, 2, 3, 4, 5]);
    expect(sizes).toEqual([2, 2, 1]);
  });

  it('fail together, and the next ones do not', async () => {
    let isDown = true;
    const batch = new LookupBatch(async (keys: readonly string[]) => {
      if (isDown) throw new Error('away');
      return new Map(keys.map((key, position) => [position, key]));
    });
    const failed = await Promise.allSettled([batch.find('a'), batch.find('b')]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isDown = false;
    expect(await batch.find('a')).toBe('a');
  });
});
