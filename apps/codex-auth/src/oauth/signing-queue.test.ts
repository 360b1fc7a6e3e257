import { SigningQueue } from './signing-queue.ts';

/** Work that a test ends. */
function work() {
  let end: (error?: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve());
  });
  return { run: () => ended, end: (error?: Error) => end(error) };
}

describe('the queue of answers to sign', () => {
  it('is long from a number of answers on, and tells when it is not any more, however the work ends', async () => {
    const queue = new SigningQueue({ longFrom: 3 });
    let told = 0;
    queue.onShort(() => {
      told += 1;
    });
    const [two, one] = [work(), work()];
    const running = [queue.during(2, two.run), queue.during(1, one.run)];
    expect(queue.isLong).toBe(true);
    one.end(new Error('no key'));
    await expect(running[1]).rejects.toThrow('no key');
    expect({ isLong: queue.isLong, told }).toEqual({ isLong: false, told: 1 });
    two.end();
    await running[0];
    expect({ isLong: queue.isLong, told }).toEqual({ isLong: false, told: 2 });
  });
});
