import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { identifyProcess, isSameProcessAlive, type ProcessIdentity as LocalIdentity } from '@codex-gateways/runtime';
import { hasSystemCode } from '../errors.ts';

/** A process that neither a reused pid nor another machine's process of the same pid can be mistaken for. */
export interface ProcessIdentity extends LocalIdentity {
  /** The machine, its boot and its container: pids are comparable only where this is equal. */
  readonly place: string;
}

/** This process; its start is empty where the system does not tell (Windows). */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const { pid } = process;
  return { pid, place: await ownPlace(), startedAt: identifyProcess(pid)?.startedAt ?? '' };
}

/** @returns undefined for a process of another machine or container, of which nothing can be known here */
export async function isProcessAlive(identity: ProcessIdentity): Promise<boolean | undefined> {
  if (identity.place !== (await ownPlace())) return undefined;
  if (identity.startedAt !== '') return isSameProcessAlive(identity);
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
