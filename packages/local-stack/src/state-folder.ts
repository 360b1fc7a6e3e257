import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { identifyProcess, isSameProcessAlive, type ProcessIdentity } from '@codex-gateways/runtime';
import { oneLine, StackError } from './stack-error.ts';

/** Where each part of the stack keeps its files, under one folder that only its owner may enter. */
export interface StateFolder {
  readonly path: string;
  readonly secretsFile: string;
  readonly databaseFolder: string;
  readonly codexFolder: string;
  readonly logsFolder: string;
  /** Lets another stack use the folder. */
  release(): void;
}

/**
 * Makes the folder and takes it for this process.
 * @throws {StackError} it cannot be used, or another stack runs on it
 */
export function openStateFolder(path: string): StateFolder {
  const folder = (name: string) => join(path, name);
  try {
    makeFolder(path);
    makeFolder(folder('logs'));
    takeLock(folder('stack.lock'));
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError(`the state folder ${path} cannot be used: ${oneLine(error)}`, { cause: error });
  }
  return {
    path,
    secretsFile: folder('secrets.json'),
    databaseFolder: folder('postgres'),
    codexFolder: folder('codex'),
    logsFolder: folder('logs'),
    release: () => rmSync(folder('stack.lock'), { force: true }),
  };
}

/** Parent by parent: node's own recursive form never comes back from a file system that refuses with ENOENT, such as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** The lock appears with its content (a link), and a stale one is moved away by exactly one of those who find it. */
function takeLock(lock: string): void {
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identifyProcess(process.pid)));
  try {
    while (!tryLink(own, lock)) {
      const holder = readHolder(lock);
      if (holder && isSameProcessAlive(holder)) throw runsAlready(holder);
      moveAwayStale(lock, `${own}.stale`);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function tryLink(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function moveAwayStale(lock: string, aside: string): void {
  try {
    renameSync(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // somebody else has moved it
    throw error;
  }
  const moved = readHolder(aside);
  if (moved && isSameProcessAlive(moved)) {
    // It was not the stale one any more: between the look and the move another stack had taken the folder.
    renameSync(aside, lock);
    throw runsAlready(moved);
  }
  rmSync(aside, { force: true });
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function runsAlready({ pid }: ProcessIdentity): StackError {
  return new StackError(
    `Codex Gateways already runs here (process ${pid}); LOCAL_STATE_DIR and other ports allow a second one`,
  );
}
