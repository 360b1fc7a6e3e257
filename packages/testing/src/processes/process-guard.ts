import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Runs a shell script when this process is gone, however it went: a crash and SIGKILL included, where no exit handler
 * runs. A shell waits at the other end of a pipe; the kernel closes the pipe with us.
 * @param script - POSIX sh; sees `args` as `$1`, `$2`, …
 * @returns calls the guard off
 */
export function whenThisProcessIsGone(script: string, args: readonly string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', `read -r _ || :; ${script}`, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // its own process group: Ctrl-C at our terminal must not end the guard before its work
  });
  shell.on('error', () => undefined); // no shell, no guard: the ordinary clean-up remains
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as Socket).unref();
  return () => {
    shell.kill('SIGKILL');
  };
}
