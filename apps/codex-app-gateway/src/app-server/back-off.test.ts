import { BackOff } from './back-off.ts';

describe('the back-off of a workspace', () => {
  it('does not delay the first start', () => {
    expect(new BackOff().remainingMs(0)).toBe(0);
  });

  it('doubles with each failure in a row, up to half a minute', () => {
    const backOff = new BackOff();
    const delays = Array.from({ length: 9 }, () => {
      backOff.failed(0, 1000);
      return backOff.remainingMs(1000);
    });
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('counts down, and is over', () => {
    const backOff = new BackOff();
    backOff.failed(0, 1000);
    expect(backOff.remainingMs(1400)).toBe(100);
    expect(backOff.remainingMs(1500)).toBe(0);
    expect(backOff.remainingMs(9999)).toBe(0);
  });

  it('begins anew after an app-server that ran for a minute', () => {
    const backOff = new BackOff();
    for (const _ of [1, 2, 3, 4]) backOff.failed(0, 0);
    backOff.failed(60_000, 0);
    expect(backOff.remainingMs(0)).toBe(500);
  });
});
