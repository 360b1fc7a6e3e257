import { Mutex } from './mutex.ts';

describe('the mutex', () => {
  it('runs one task after another, in order, past failures', async () => {
    const mutex = new Mutex();
    const events: string[] = [];
    const task = (name: string, fails = false) =>
      mutex.run(async () => {
        events.push(`${name} begins`);
        await Promise.resolve();
        events.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const results = await Promise.allSettled([task('a'), task('b', true), task('c')]);
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('is busy from the call on until the last task is over', async () => {
    const mutex = new Mutex();
    expect(mutex.isBusy).toBe(false);
    const first = mutex.run(async () => undefined);
    const second = mutex.run(async () => undefined);
    expect(mutex.isBusy).toBe(true);
    await first;
    expect(mutex.isBusy).toBe(true);
    await second;
    expect(mutex.isBusy).toBe(false);
  });
});
