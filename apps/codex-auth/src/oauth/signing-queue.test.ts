import { SigningQueue } from './signing-queue.ts';

/** Work that a test ends. */
function work() {
  let end: (error?: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve());
  });
  return { run: () => ended, end: (error?: Error) => end(error) };
}

const turnOver = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('the queue of answers to sign', () => {
  it('is long from a number of answers on, and says when it is not any more, however the work ends', async () => {
    const queue = new SigningQueue({ longFrom: 3 });
    const [two, one] = [work(), work()];
    const running = [queue.during(2, two.run), queue.during(1, one.run)];
    const told: string[] = [];
    queue.whenShort(() => told.push('first'));
    await turnOver();
    expect({ isLong: queue.isLong, told }).toEqual({ isLong: true, told: [] });
    one.end(new Error('no key'));
    await expect(running[1]).rejects.toThrow('no key');
    await turnOver();
    expect({ isLong: queue.isLong, told }).toEqual({ isLong: false, told: ['first'] });
    queue.whenShort(() => told.push('at once'));
    await turnOver();
    expect(told).toEqual(['first', 'at once']);
    two.end();
    await running[0];
  });

  it('lets those go on who wait longest, and the others only while it is not long again', async () => {
    const queue = new SigningQueue({ longFrom: 2 });
    const all = Array.from({ length: 4 }, work);
    const went: number[] = [];
    const busy = queue.during(2, all[0]?.run ?? work().run);
    for (const place of [1, 2, 3]) {
      queue.whenShort(() => {
        went.push(place);
        void queue.during(2, all[place]?.run ?? work().run);
      });
    }
    all[0]?.end();
    await busy;
    for (const place of [1, 2, 3]) {
      await turnOver();
      expect(went.at(-1)).toBe(place);
      expect(went.length).toBe(place);
      all[place]?.end();
    }
  });
});
