import { cpuMsOf } from '../src/index.ts';

describe('the CPU time of processes', () => {
  it('grows with what a process does, and counts nothing for one that is gone', async () => {
    const gonePid = 2 ** 22 - 1; // the last that Linux gives out
    const before = await cpuMsOf([process.pid, gonePid]);
    const { user, system } = process.cpuUsage();
    expect(Math.abs(before - (user + system) / 1000)).toBeLessThan(1000);
    const until = process.cpuUsage().user + 60_000;
    while (process.cpuUsage().user < until);
    expect((await cpuMsOf([process.pid])) - before).toBeGreaterThanOrEqual(30);
    expect(await cpuMsOf([gonePid])).toBe(0);
  });
});
