import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../processes/is-alive.ts';

const WRITING_PID_MS = 5_000;

/**
 * Takes a lock between processes of this machine: a file that names its holder. The lock of a dead process counts as
 * free. Two waiters that find the same dead holder may both get in, so what the lock guards must survive that; the lock
 * spares work, it does not carry correctness.
 * @returns gives the lock back
 * @throws {Error} when another process still holds it after `timeoutMs`
 */
export async function acquireFileLock(path: string, timeoutMs: number): Promise<() => Promise<void>> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await tryCreate(path))) {
    if (await isStale(path)) {
      await rm(path, { force: true });
    } else if (performance.now() >= deadlineMs) {
      throw new Error(`${path} is still held by another process after ${timeoutMs} ms`);
    } else {
      await delay(50);
    }
  }
  return () => rm(path, { force: true });
}

async function tryCreate(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    const holder = Number.parseInt(await readFile(path, 'utf8'), 10);
    if (Number.isInteger(holder)) return !isAlive(holder);
    return Date.now() - (await stat(path)).mtimeMs > WRITING_PID_MS;
  } catch {
    return false; // given back between two looks
  }
}
