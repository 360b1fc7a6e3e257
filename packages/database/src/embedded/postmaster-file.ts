import { readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identifyProcess } from '@codex-gateways/runtime';
import type { Log } from '../log.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { isPostgresOf } from './postgres-process.ts';

/** Each signal a server is stopped with, and how long it may take: fast shutdown, immediate shutdown, the end. */
const STOP_STEPS = [
  { signal: 'SIGINT', patienceMs: 20_000 },
  { signal: 'SIGQUIT', patienceMs: 5_000 },
  { signal: 'SIGKILL', patienceMs: 5_000 },
] as const;

/** Server state as PostgreSQL notes it in postmaster.pid: line 1 the pid, line 8 the status. */
export function readPostmasterFile(dataDirectory: string): { pid: number; ready: boolean } | undefined {
  try {
    const lines = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number.parseInt(lines[0] ?? '', 10);
    return Number.isInteger(pid) && pid > 0 ? { pid, ready: lines[7]?.trim() === 'ready' } : undefined;
  } catch {
    return undefined;
  }
}

/** Stops a server by its pid, more firmly each time it does not go. */
export async function stopPostmaster(pid: number): Promise<void> {
  const identity = identifyProcess(pid);
  for (const { signal, patienceMs } of STOP_STEPS) {
    if (!identity || identifyProcess(pid)?.startedAt !== identity.startedAt) return;
    sendSignal(pid, signal);
    await waitUntil(() => identifyProcess(pid)?.startedAt !== identity.startedAt, patienceMs);
  }
}

/**
 * Clears what a killed server or a killed parent left behind: a server that still runs on this directory is stopped, its
 * orphaned backends are waited for, and a pid file that names a stranger is removed. PostgreSQL itself recovers from a pid
 * file of a dead process, but it refuses to start when the pid was given to another program.
 * @throws {EmbeddedPostgresError} a process of the old server does not go
 */
export async function clearLeftovers(dataDirectory: string, log: Log): Promise<void> {
  const realDirectory = realpathSync(dataDirectory);
  const noted = readPostmasterFile(realDirectory);
  if (noted && isPostgresOf(noted.pid, realDirectory)) {
    log.warn({ pid: noted.pid }, 'stopping a PostgreSQL server that was left running on this data directory');
    await stopPostmaster(noted.pid);
  }
  // Backends of a killed server go by themselves; until then its shared memory is in use.
  const remaining = () => listPids().filter((pid) => isPostgresOf(pid, realDirectory));
  if (!(await waitUntil(() => remaining().length === 0, 10_000))) {
    for (const pid of remaining()) sendSignal(pid, 'SIGKILL');
    if (!(await waitUntil(() => remaining().length === 0, 5_000))) {
      throw new EmbeddedPostgresError(`processes of an earlier PostgreSQL do not end: ${remaining().join(', ')}`);
    }
  }
  rmSync(join(realDirectory, 'postmaster.pid'), { force: true });
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Elsewhere than on Linux orphaned backends are left to PostgreSQL's own shared memory check. */
function listPids(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** @returns whether the condition came true in time */
export async function waitUntil(condition: () => boolean, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}
