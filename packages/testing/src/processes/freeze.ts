import { readdir, readFile } from 'node:fs/promises';
import { waitFor } from '../waiting/wait-for.ts';

/**
 * Sends SIGSTOP, and waits until the process stands still: on a busy machine its threads go on for a moment, and may answer. Linux says
 * when; elsewhere it does not wait.
 */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  if (process.platform !== 'linux') return;
  await waitFor(async () => (await statesOf(pid)).every((state) => state === 'T'), {
    timeoutMs: 60_000,
    describe: `process ${pid} to stand still`,
  });
}

/** The states of all threads (proc(5)): the letter behind the name in parentheses. */
async function statesOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/task`;
  const stats = (await readdir(folder)).map((thread) => readFile(`${folder}/${thread}/stat`, 'utf8').catch(() => ''));
  return (await Promise.all(stats)).filter(Boolean).map((stat) => stat.charAt(stat.lastIndexOf(')') + 2));
}
