import { randomInt } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasSystemCode, TokenSourceError } from '../errors.ts';
import { isProcessAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts';

/*
 * A lock between processes that survives the death of its holder, on any file system with exclusive creation.
 *
 * A lock is a row of generations, the files `<path>.1`, `<path>.2`, …; the highest one counts. It holds the identity of its
 * owner, or the word `free`. Who finds the highest generation N free, or its owner dead, creates N + 1 exclusively and then
 * looks again: it owns the lock only when N + 1 is now the highest. Generations never go down, since only those below the
 * highest are ever removed; so of many that find the same dead owner exactly one succeeds, and a slow one that comes later
 * sees a higher generation. (Removing a stale lock file and creating it anew has no such guarantee.)
 */
const FREE = 'free';
const POLL_MIN_MS = 20;
const POLL_MAX_MS = 80;

export interface FileLockOptions {
  /** How long to wait for another holder. */
  readonly timeoutMs: number;
  /** After this, a holder of which nothing is known (another machine, another container, a file half written) counts as dead. */
  readonly leaseMs: number;
}

/**
 * Runs `work` while no other process, and no one else in this one, holds the lock of the same path.
 * @param path - in a folder that exists; small files beside it, `<path>.<number>`, stay there
 * @throws {TokenSourceError} `locked` when the holder keeps it longer than `timeoutMs`; whatever `work` throws
 */
export async function withFileLock<T>(path: string, options: FileLockOptions, work: () => Promise<T>): Promise<T> {
  const held = await acquire(path, options);
  try {
    return await work();
  } finally {
    await release(held);
  }
}

async function acquire(path: string, { timeoutMs, leaseMs }: FileLockOptions): Promise<FileHandle> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const highest = Math.max(0, ...(await generations(path)));
    const holder = highest === 0 ? FREE : await readHolder(`${path}.${highest}`, leaseMs);
    const claimed = holder === FREE ? await claim(path, highest + 1) : undefined;
    if (claimed) return claimed;
    if (performance.now() >= deadlineMs) throw new TokenSourceError('locked', describeHolder(path, holder, timeoutMs));
    if (holder !== FREE) await delay(randomInt(POLL_MIN_MS, POLL_MAX_MS));
  }
}

async function release(held: FileHandle): Promise<void> {
  try {
    await held.truncate(0); // between the two, a reader takes it for half written, and waits
    await held.write(FREE, 0);
  } finally {
    await held.close();
  }
}

async function claim(path: string, generation: number): Promise<FileHandle | undefined> {
  const file = await createExclusively(`${path}.${generation}`);
  if (!file) return undefined;
  try {
    await file.write(JSON.stringify(await ownIdentity()), 0);
    const others = (await generations(path)).filter((other) => other !== generation);
    if (others.every((other) => other < generation)) {
      await Promise.all(others.map((other) => rm(`${path}.${other}`, { force: true })));
      return file;
    }
    await rm(`${path}.${generation}`, { force: true });
    await file.close();
    return undefined;
  } catch (error) {
    await release(file);
    throw error;
  }
}

async function createExclusively(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if (hasSystemCode(error, 'EEXIST')) return undefined;
    throw error;
  }
}

async function generations(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix));
  return names
    .map((name) => name.slice(prefix.length))
    .flatMap((tail) => (/^\d{1,15}$/.test(tail) ? [Number(tail)] : []));
}

/** @returns `free` also for a holder that is gone; undefined for one that cannot be named */
async function readHolder(path: string, leaseMs: number): Promise<typeof FREE | ProcessIdentity | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text === FREE) return FREE;
    const identity = parseIdentity(text);
    const isAlive = identity ? await isProcessAlive(identity) : undefined;
    if (isAlive === false) return FREE;
    if (isAlive === undefined && Date.now() - (await stat(path)).mtimeMs > leaseMs) return FREE;
    return identity;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return undefined; // a higher generation has replaced it
    throw error;
  }
}

function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const { pid, place, startedAt } = JSON.parse(text);
    return Number.isInteger(pid) && typeof place === 'string'
      ? { pid, place, startedAt: String(startedAt) }
      : undefined;
  } catch {
    return undefined;
  }
}

function describeHolder(path: string, holder: typeof FREE | ProcessIdentity | undefined, timeoutMs: number): string {
  const who = typeof holder === 'object' ? `process ${holder.pid}` : 'another process';
  return `${who} has kept the lock ${path} for more than ${Math.round(timeoutMs / 1000)} s; end it if it hangs`;
}
