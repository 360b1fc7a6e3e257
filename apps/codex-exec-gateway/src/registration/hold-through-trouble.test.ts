import { HoldExpired, holdThroughTrouble } from './hold-through-trouble.ts';

describe('holding a call through trouble', () => {
  const options = { holdMs: 50, isPassing: () => true, callerGone: new AbortController().signal };
  const never = () => new Promise<never>(() => undefined);

  it('ends when the time is up, although the attempt that is under way never does', async () => {
    await expect(holdThroughTrouble(never, options)).rejects.toThrow(HoldExpired);
  });

  it('ends with what stood in the way last', async () => {
    let attempts = 0;
    const fail = async () => {
      attempts += 1;
      throw new Error(`trouble ${attempts}`);
    };
    const outcome = holdThroughTrouble(fail, { ...options, holdMs: 300 });
    await expect(outcome).rejects.toThrow(/^trouble \d+$/);
    await expect(outcome).rejects.toThrow(`trouble ${attempts}`);
  });

  it('ends with the caller', async () => {
    const gone = new AbortController();
    const held = holdThroughTrouble(never, { ...options, holdMs: 600_000, callerGone: gone.signal });
    gone.abort();
    await expect(held).rejects.toThrow(HoldExpired);
  });

  it('goes on until it works, and not with what time does not heal', async () => {
    const troubles = [new Error('away'), new Error('away')];
    const heal = async () => {
      const trouble = troubles.pop();
      if (trouble) throw trouble;
      return 'done';
    };
    expect(await holdThroughTrouble(heal, { ...options, holdMs: 600_000 })).toBe('done');
    const refused = async () => {
      throw new Error('refused');
    };
    const isPassing = (error: unknown) => (error as Error).message !== 'refused';
    await expect(holdThroughTrouble(refused, { ...options, holdMs: 600_000, isPassing })).rejects.toThrow('refused');
  });
});
