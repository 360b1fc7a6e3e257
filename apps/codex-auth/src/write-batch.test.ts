import { type Pace, WriteBatch } from './write-batch.ts';

/** As a database answers when it has undone a statement. */
const refusal = (code: string) => Object.assign(new Error(`SQLSTATE ${code}`), { code });

/** A pace that a test sets. */
class ManualPace implements Pace {
  isLong = false;
  counted = 0;
  readonly #waiting: (() => void)[] = [];

  async during<Result>(count: number, work: () => Promise<Result>): Promise<Result> {
    this.counted += count;
    return work().finally(() => {
      this.counted -= count;
    });
  }

  whenShort(resume: () => void): void {
    this.#waiting.push(resume);
  }

  shorten(): void {
    this.isLong = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

/** Writes each item once, as its capitals; items that begin with `held` only alone, and `no` never. */
function fixture({ maxItems = 32, failWith }: { maxItems?: number; failWith?: () => unknown } = {}) {
  const together: string[][] = [];
  const alone: string[] = [];
  const pace = new ManualPace();
  const batch = new WriteBatch<string, string>(
    {
      async together(items) {
        together.push([...items]);
        const failure = failWith?.();
        if (failure) throw failure;
        const written = items.map((item, position) => [position, item.toUpperCase()] as const);
        return new Map(written.filter(([position]) => !/^(held|no)/.test(items[position] ?? '')));
      },
      async alone(item) {
        alone.push(item);
        if (item === 'bad') throw new Error('bad');
        return item === 'no' ? undefined : item.toUpperCase();
      },
    },
    { pace, maxItems },
  );
  const write = (...items: string[]) => Promise.allSettled(items.map((item) => batch.write(item)));
  return { batch, pace, together, alone, write };
}

const values = (settled: readonly PromiseSettledResult<unknown>[]) =>
  settled.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'));
const turnOver = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('writes that share a statement', () => {
  it('go together when they come together, each with its own outcome, and a lone one goes alone', async () => {
    const { write, together, alone, pace } = fixture();
    expect(values(await write('a', 'b', 'a'))).toEqual(['A', 'B', 'A']);
    expect(values(await write('c'))).toEqual(['C']);
    await turnOver();
    expect({ together, alone, counted: pace.counted }).toEqual({
      together: [['a', 'b', 'a']],
      alone: ['c'],
      counted: 0,
    });
  });

  it('are tried alone where the statement left them out, and hold up none of the others', async () => {
    const { write, alone } = fixture();
    expect(values(await write('a', 'held', 'no'))).toEqual(['A', 'HELD', undefined]);
    expect(alone).toEqual(['held', 'no']);
  });

  it.each(['22P02', '23503', '40P01', '40001', '57014'])(
    'are each tried alone when the statement was undone with %s, and one that is bad fails alone',
    async (code) => {
      const { write } = fixture({ failWith: () => refusal(code) });
      expect(values(await write('a', 'bad', 'b'))).toEqual(['A', 'failed', 'B']);
    },
  );

  it.each([refusal('57P01'), refusal('08006'), refusal('40003'), new Error('Connection terminated unexpectedly')])(
    'are not tried again when nobody knows what became of them: %s',
    async (failure) => {
      const { write, alone } = fixture({ failWith: () => failure });
      expect(values(await write('a', 'b'))).toEqual(['failed', 'failed']);
      expect(alone).toEqual([]);
    },
  );

  it('wait for company while the queue behind them is long, and go as soon as it is not', async () => {
    const { batch, pace, together, alone } = fixture();
    pace.isLong = true;
    const first = batch.write('a');
    await turnOver();
    const second = batch.write('b');
    await turnOver();
    expect({ together, alone }).toEqual({ together: [], alone: [] });
    pace.shorten();
    expect(await Promise.all([first, second])).toEqual(['A', 'B']);
    expect(together).toEqual([['a', 'b']]);
  });

  it('go in several statements when they are too many for one', async () => {
    const { write, together } = fixture({ maxItems: 2 });
    expect(values(await write('a', 'b', 'c', 'd', 'e'))).toEqual(['A', 'B', 'C', 'D', 'E']);
    expect(together).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });
});
