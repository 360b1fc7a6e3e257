import { once } from 'node:events';
import { collectGarbage } from '@codex-gateways/testing';
import { abortAfter } from './abort-after.ts';

describe('a signal with a deadline', () => {
  it('aborts when the time is over, also when garbage is collected until then', async () => {
    const signal = abortAfter(3000, new AbortController().signal);
    const aborted = once(signal, 'abort');
    await collectGarbage();
    await aborted;
    expect(signal.reason.name).toBe('TimeoutError');
  });

  it('aborts with the other one, earlier or already', () => {
    const other = new AbortController();
    const signal = abortAfter(60_000, other.signal);
    expect(signal.aborted).toBe(false);
    other.abort('gone');
    expect([signal.reason, abortAfter(60_000, other.signal).reason]).toEqual(['gone', 'gone']);
  });
});
