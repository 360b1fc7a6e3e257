import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { ALLOCATOR_ENVIRONMENT } from '@codex-gateways/runtime';
import { PARENT_PIPE_VARIABLE } from '@codex-gateways/service';

/**
 * Becomes the given program, leaving behind a watcher on descriptor 3: when that pipe ends without a line, this stack was
 * killed, and the program ends as well.
 */
const WATCHED = '( (read -r line || kill -TERM $$) <&3 >/dev/null 2>&1 & ) ; exec "$@" 3<&-';

/**
 * Starts a service of this repository, which watches by itself whether its parent is there. In a session of its own: Ctrl-C at
 * the terminal reaches the stack, which stops its parts in order.
 */
export function launchNode(script: string, env: NodeJS.ProcessEnv, logDescriptor: number): ChildProcess {
  return spawn(process.execPath, ['--enable-source-maps', script], {
    env: { ...ALLOCATOR_ENVIRONMENT, ...env, [PARENT_PIPE_VARIABLE]: '1' },
    stdio: ['ignore', logDescriptor, logDescriptor, 'ipc'],
    detached: true,
  });
}

/** Starts a foreign program, with nothing of the caller's environment, that ends with this process. */
export function launchProgram(command: readonly string[], logDescriptor: number): ChildProcess {
  const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', ...command], {
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['ignore', logDescriptor, logDescriptor, 'pipe'],
    detached: true,
  });
  const pipe = child.stdio[3] as Writable;
  pipe.on('error', () => undefined); // the watcher may be gone as well
  child.once('exit', () => pipe.end('done\n'));
  return child;
}
