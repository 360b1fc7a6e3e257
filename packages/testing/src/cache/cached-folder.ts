import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isAlive } from '../processes/is-alive.ts';
import { acquireFileLock } from './file-lock.ts';

/** What another process makes may take as long as compiling helm does. */
const LOCK_TIMEOUT_MS = 1_200_000;

/**
 * This user's folder for what is expensive to make and safe to lose: `$XDG_CACHE_HOME` or `~/.cache`, below it
 * `codex-gateways`. A user without a writable home gets a private folder among the temporary ones.
 */
export async function userCacheFolder(): Promise<string> {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'codex-gateways');
  try {
    await mkdir(folder, { recursive: true });
    return folder;
  } catch {
    return privateTemporaryFolder();
  }
}

async function privateTemporaryFolder(): Promise<string> {
  const userId = process.getuid?.();
  const folder = join(tmpdir(), `codex-gateways-${userId}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Programs are run from here: a folder that another user put in our way would run theirs.
  const owner = await lstat(folder);
  if (!owner.isDirectory() || owner.uid !== userId) throw new Error(`${folder} belongs to another user`);
  return folder;
}

/**
 * Makes a folder once, however many processes ask for it at the same time. `fill` works in a folder beside it, which
 * takes its place in one step when complete; a `fill` that failed or was interrupted leaves nothing that counts.
 * @returns `folder`
 */
export async function cachedFolder(folder: string, fill: (staging: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const release = await acquireFileLock(`${folder}.lock`, LOCK_TIMEOUT_MS);
  try {
    await removeAbandoned(folder);
    if (!existsSync(folder)) await fillAndPublish(folder, fill);
    return folder;
  } finally {
    await release();
  }
}

async function fillAndPublish(folder: string, fill: (staging: string) => Promise<void>): Promise<void> {
  const staging = await mkdtemp(`${folder}.part-${process.pid}-`);
  try {
    await fill(staging);
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    const code = (error as NodeJS.ErrnoException).code;
    const madeByAnother = (code === 'ENOTEMPTY' || code === 'EEXIST') && existsSync(folder);
    if (!madeByAnother) throw error;
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  const prefix = `${basename(folder)}.part-`;
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(prefix)) continue;
    const maker = Number.parseInt(name.slice(prefix.length), 10);
    if (!isAlive(maker)) await rm(join(dirname(folder), name), { recursive: true, force: true });
  }
}
