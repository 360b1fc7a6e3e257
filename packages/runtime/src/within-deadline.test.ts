import { getEventListeners } from 'node:events';
import { jest } from '@jest/globals';
import { withinDeadline } from './within-deadline.ts';

const ended = (signal: AbortSignal) =>
  new Promise((_, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason));
  });

describe('work within a deadline', () => {
  it('is told when the time is up', async () => {
    await expect(withinDeadline({ timeoutMs: 5, other: undefined }, ended)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  it('is told when the other signal aborts, and when it had before', async () => {
    const other = new AbortController();
    const work = withinDeadline({ timeoutMs: 60_000, other: other.signal }, ended);
    other.abort(new Error('gone'));
    await expect(work).rejects.toThrow('gone');
    await expect(withinDeadline({ timeoutMs: 60_000, other: other.signal }, ended)).rejects.toThrow('gone');
  });

  it('leaves neither a timer nor a listener behind', async () => {
    jest.useFakeTimers();
    try {
      const other = new AbortController();
      const signal = await withinDeadline({ timeoutMs: 1000, other: other.signal }, async (own) => own);
      expect([jest.getTimerCount(), getEventListeners(other.signal, 'abort').length]).toEqual([0, 0]);
      other.abort();
      expect(signal.aborted).toBe(false);
    } finally {
      jest.useRealTimers();
    }
  });
});
