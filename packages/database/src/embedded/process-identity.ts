import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** A process that a reused pid cannot be mistaken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; differs between two processes that had the same pid, also across a reboot. */
  readonly startedAt: string;
}

/** Identifies a live process. @returns undefined when there is no process with this pid */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startedAt = process.platform === 'linux' ? linuxStart(pid) : psField(pid, 'lstart=');
  return startedAt ? { pid, startedAt } : undefined;
}

/** Whether the process that was identified earlier still runs. */
export function isSameProcessAlive(earlier: ProcessIdentity): boolean {
  return identifyProcess(earlier.pid)?.startedAt === earlier.startedAt;
}

/**
 * Whether a pid is a PostgreSQL server (or one of its children) working in a data directory.
 * @param dataDirectory - real path: a PostgreSQL process has its data directory as its working directory
 */
export function isPostgresOf(pid: number, dataDirectory: string): boolean {
  if (process.platform !== 'linux') {
    const command = psField(pid, 'command=');
    return command.includes('postgres') && command.includes(dataDirectory);
  }
  try {
    const executable = basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, '');
    return executable === 'postgres' && readlinkSync(`/proc/${pid}/cwd`) === dataDirectory;
  } catch {
    return false; // gone, or owned by another user and so not a server that we could have started
  }
}

/** @returns start time in clock ticks with the boot it counts from; a zombie counts as gone */
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

function psField(pid: number, field: string): string {
  try {
    return execFileSync('ps', ['-p', String(pid), '-o', field], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}
