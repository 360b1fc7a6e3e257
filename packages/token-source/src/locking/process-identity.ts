import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { hasSystemCode } from '../errors.ts';

/** A process that neither a reused pid nor another machine's process of the same pid can be mistaken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The machine, its boot and its container: pids are comparable only where this is equal. */
  readonly place: string;
  /** Clock ticks between boot and the process's start; empty where the system does not tell (only Linux does). */
  readonly startedAt: string;
}

/** This process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { pid: process.pid, place: await ownPlace(), startedAt: (await startOf(process.pid)) ?? '' };
}

/** @returns undefined for a process of another machine or container, of which nothing can be known here */
export async function isProcessAlive(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.place !== (await ownPlace())) return undefined;
  if (process.platform === 'linux') return (await startOf(identity.pid)) === identity.startedAt;
  try {
    process.kill(identity.pid, 0);
    return true;
  } catch (error) {
    return hasSystemCode(error, 'EPERM'); // it lives, and belongs to someone else
  }
}

async function ownPlace(): Promise<string> {
  if (process.platform !== 'linux') return hostname();
  const [bootId, pidNamespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return [hostname(), bootId.trim(), pidNamespace].join(' ');
}

async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces: fields are counted behind it (proc_pid_stat(5), fields 3 and 22).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
