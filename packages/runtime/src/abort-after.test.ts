import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { abortAfter } from './abort-after.ts';

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

describe('a signal with a deadline', () => {
  it('aborts when the time is over, also when garbage is collected until then', async () => {
    const signals = [abortAfter(3000, new AbortController().signal), abortAfter(3000, undefined)];
    const aborted = signals.map((signal) => once(signal, 'abort'));
    await collectGarbage();
    await Promise.all(aborted);
    expect(signals.map(({ reason }) => reason.name)).toEqual(['TimeoutError', 'TimeoutError']);
  });

  it('aborts with the other one, earlier or already', () => {
    const other = new AbortController();
    const signal = abortAfter(60_000, other.signal);
    expect(signal.aborted).toBe(false);
    other.abort('gone');
    expect([signal.reason, abortAfter(60_000, other.signal).reason]).toEqual(['gone', 'gone']);
  });
});
