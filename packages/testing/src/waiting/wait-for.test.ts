import { waitFor } from './wait-for.ts';

describe('waitFor', () => {
  it('returns the first truthy outcome', async () => {
    const outcomes = [undefined, 0, '', 'there'];
    await expect(
      waitFor(() => outcomes.shift(), { timeoutMs: 60_000, describe: 'a word', intervalMs: 1 }),
    ).resolves.toBe('there');
  });

  it('says what it gave up on', async () => {
    await expect(waitFor(() => false, { timeoutMs: 20, describe: () => 'rain' })).rejects.toThrow(
      'gave up waiting for rain after 20 ms',
    );
  });

  it('passes an error of the condition through at once', async () => {
    const broken = () => Promise.reject(new Error('broken'));
    await expect(waitFor(broken, { timeoutMs: 60_000, describe: 'nothing' })).rejects.toThrow('broken');
  });
});
