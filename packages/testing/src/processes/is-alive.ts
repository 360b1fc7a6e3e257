import { readFileSync } from 'node:fs';

/** Whether a process with this id runs, whoever owns it. One that ended and was not collected by its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); // proc(5): the state follows the name in parentheses
  } catch {
    return false; // no /proc on this system, or gone by now: then the next look says so
  }
}
