import { setImmediate as turn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { RequestStorage } from './request-storage.ts';

describe('following what is done for requests', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
  afterEach(() => void jest.useRealTimers());

  /** Says of which request it is, each time that it is asked. */
  function runningWork(storage: RequestStorage<string>, context: string): () => Promise<string | undefined> {
    let ask = () => {};
    const seen: (string | undefined)[] = [];
    void storage.run(context, async () => {
      for (;;) {
        await new Promise<void>((resolve) => {
          ask = resolve;
        });
        seen.push(storage.current);
      }
    });
    return async () => {
      ask();
      await turn();
      return seen.at(-1);
    };
  }

  it('goes on while a request is open, however long, and some seconds longer', async () => {
    const storage = new RequestStorage<string>();
    const close = storage.open();
    const current = runningWork(storage, 'a');
    jest.advanceTimersByTime(3_600_000);
    expect(await current()).toBe('a');
    close();
    jest.advanceTimersByTime(4999);
    expect(await current()).toBe('a');
    jest.advanceTimersByTime(1);
    expect(await current()).toBeUndefined();
  });

  it('goes on for the requests that are still open, and begins again for the next', async () => {
    const storage = new RequestStorage<string>();
    const closeFirst = storage.open();
    const closeSecond = storage.open();
    const second = runningWork(storage, 'second');
    closeFirst();
    closeFirst();
    jest.advanceTimersByTime(10_000);
    expect(await second()).toBe('second');
    closeSecond();
    jest.advanceTimersByTime(10_000);
    storage.open();
    const third = runningWork(storage, 'third');
    jest.advanceTimersByTime(10_000);
    expect(await third()).toBe('third');
    expect(storage.current).toBeUndefined();
  });

  it('ends by itself where nobody says that a request is open', async () => {
    const storage = new RequestStorage<string>();
    const current = runningWork(storage, 'a');
    expect(await current()).toBe('a');
    jest.advanceTimersByTime(5000);
    expect(await current()).toBeUndefined();
  });
});
