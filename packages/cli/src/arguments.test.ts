import { parseDurationMs, parsePort, parseSeconds } from './arguments.ts';

describe('arguments', () => {
  it.each([
    ['1s', 1000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['90d', 7_776_000_000],
  ])('read the duration %s', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  it.each(['', '0d', '-1d', '1', 'd', '1w', '1.5h', '1d ', '1e3s', '9999999d'])('refuse %j as a duration', (text) => {
    expect(() => parseDurationMs(text)).toThrow('duration');
  });

  it('read ports, 0 among them, and nothing beyond them', () => {
    expect([parsePort('0'), parsePort('65535')]).toEqual([0, 65_535]);
    for (const text of ['65536', '-1', '80a', '', '1e3']) expect(() => parsePort(text)).toThrow('port');
  });

  it('read seconds up to an hour', () => {
    expect([parseSeconds('1'), parseSeconds('3600')]).toEqual([1, 3600]);
    for (const text of ['0', '3601', '1.5', '', 'x']) expect(() => parseSeconds(text)).toThrow('seconds');
  });
});
