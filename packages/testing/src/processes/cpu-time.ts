import { readFile } from 'node:fs/promises';

/** Clock ticks of Linux are a hundredth of a second on every machine that Node.js supports (proc(5), USER_HZ). */
const MS_PER_TICK = 10;

/** CPU time of processes so far, user and system, all threads, in milliseconds; those that are gone count nothing. Linux only. */
export async function cpuMsOf(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(pids.map(cpuMsOfOne));
  return each.reduce((sum, ms) => sum + ms, 0);
}

async function cpuMsOfOne(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return 0;
  // The name in parentheses may hold anything; what follows it is numbers.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
