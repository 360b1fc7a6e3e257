import { readFile } from 'node:fs/promises';
import { errorCodeOf } from '../error-code.ts';

/**
 * A process that cannot be mistaken for a later one with the same id: the system's start and the process's own, in the
 * kernel's words (Linux `/proc`). Elsewhere the two are empty and only the id counts.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly bootId: string;
  readonly startTicks: string;
}

/** The identity of a running process, or undefined when there is none with that id. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (process.platform !== 'linux') return isRunning(pid) ? { pid, bootId: '', startTicks: '' } : undefined;
  try {
    const [bootId, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // proc(5): the name in parentheses may hold anything; the start time is field 22, the 20th after it.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return startTicks === undefined ? undefined : { pid, bootId: bootId.trim(), startTicks };
  } catch {
    return undefined;
  }
}

/** Whether exactly this process still runs. */
export async function isSameProcess(known: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(known.pid);
  return now !== undefined && now.bootId === known.bootId && now.startTicks === known.startTicks;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}
