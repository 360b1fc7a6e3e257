import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that a reused pid cannot be mistaken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; differs between two processes that had the same pid, also across a reboot. */
  readonly startedAt: string;
}

/** Identifies a live process. @returns undefined when there is none with this pid; a zombie counts as gone, since it does nothing any more */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : processField(pid, 'lstart=');
  return startedAt ? { pid, startedAt } : undefined;
}

/** Whether the process that was identified earlier still runs. */
export function isSameProcessAlive(earlier: ProcessIdentity): boolean {
  return identifyProcess(earlier.pid)?.startedAt === earlier.startedAt;
}

/** @returns start time in clock ticks with the boot it counts from */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces: fields are counted behind it (proc_pid_stat(5), fields 3 and 22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    return `${fields[19]}@${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return undefined;
  }
}

/** What ps says of a process, where there is no /proc; empty when there is no such process. */
export function processField(pid: number, field: string): string {
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', field], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}
