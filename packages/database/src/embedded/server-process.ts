import { type ChildProcess, spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Log } from '../log.ts';
import { findClosedFolder, type ServerAccount } from './server-account.ts';

/** Nothing of the caller's environment reaches PostgreSQL: PGDATA, PGPORT and the locale would change what it does. */
const ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Becomes the given program, leaving behind a watcher on descriptor 3: when that pipe ends without a line, its other end
 * was killed, and the server shuts down fast (SIGINT). The watcher is forked twice because PostgreSQL reaps its children.
 */
const WATCHED = '( (read -r line || kill -INT $$) <&3 >/dev/null 2>&1 & ) ; exec "$@" 3<&-';

/** How a PostgreSQL program is told its data directory, and where it is started. */
export interface DataDirectoryAccess {
  readonly cwd: string;
  readonly argument: string;
}

/**
 * A parent folder may be closed to the server's account (root's own home is). The working directory is entered before the
 * privileges are dropped, and on Linux it can be named without passing through its parents.
 */
export function accessDataDirectory(path: string, account: ServerAccount | undefined): DataDirectoryAccess {
  const cwd = realpathSync(path);
  const closed = account !== undefined && findClosedFolder(cwd, account) !== undefined;
  return { cwd, argument: closed ? '/proc/self/cwd' : cwd };
}

/** Starts the server in a session of its own: Ctrl-C in a terminal must not reach it before its clients are done. */
export function spawnServer(
  command: readonly string[],
  { cwd, account }: { cwd: string; account: ServerAccount | undefined },
): ChildProcess {
  return spawn('/bin/sh', ['-c', WATCHED, 'sh', ...command], {
    ...account,
    cwd,
    env: ENVIRONMENT,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
}

/** Ends the watcher of a server that is gone. */
export function releaseWatcher(server: ChildProcess): void {
  const pipe = server.stdio[3];
  if (pipe && 'end' in pipe) {
    pipe.on('error', () => undefined); // the watcher may be gone as well
    pipe.end('done\n');
  }
}

/**
 * Forwards the server's log and keeps its end.
 * @returns a function that gives the reason of a failed start: the last fatal line, with its hint
 */
export function followServerLog(server: ChildProcess, log: Log): () => string {
  const recent: string[] = [];
  if (server.stderr) {
    createInterface({ input: server.stderr }).on('line', (line) => {
      recent.push(line);
      if (recent.length > 50) recent.shift();
      const serious = /\b(WARNING|FATAL|PANIC):/.test(line);
      log[serious ? 'warn' : 'debug']({ source: 'postgres' }, line);
    });
  }
  return () => {
    const fatal = recent.filter((line) => /\b(FATAL|PANIC|HINT|initdb: error|error):/.test(line));
    const reasons = (fatal.length > 0 ? fatal : recent.slice(-1)).map((line) => line.replace(/^.*?\] /, '').trim());
    return reasons.join('; ') || 'it said nothing';
  };
}

/** initdb has children. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export interface RunOptions {
  readonly cwd: string;
  readonly account: ServerAccount | undefined;
  /** The descriptor that it has as 3. */
  readonly passwordFile: number;
  /** After this it is killed. */
  readonly patienceMs: number;
}

/**
 * Runs initdb or the like to its end, or to the end of patience.
 * @returns exit code, and what it wrote to standard error
 */
export function runToEnd(
  command: readonly string[],
  { cwd, account, passwordFile, patienceMs }: RunOptions,
): Promise<{ exitCode: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const [program = '', ...rest] = command;
    const child = spawn(program, rest, {
      ...account,
      cwd,
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', passwordFile],
    });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => {
      stderr += `it was still busy after ${patienceMs / 1000} s`;
      killGroup(child);
    }, patienceMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, stderr });
    });
  });
}
