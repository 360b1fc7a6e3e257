import type { Stats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomToken } from '@codex-gateways/crypto';
import { hasSystemCode, messageOf, TokenSourceError } from '../errors.ts';

const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_ANYTHING = 0o077;

/** Makes a folder that only its owner may enter, or checks that nobody else may write to the one that is there. */
export async function ensurePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    refuseUnlessOwn(path, await stat(path), OTHERS_MAY_WRITE);
  } catch (error) {
    if (error instanceof TokenSourceError) throw error;
    throw new TokenSourceError('secrets_unavailable', `the folder ${path} cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Reads a file that must be its owner's alone: what others could read is no secret any more, and what others could write
 * may be theirs.
 * @returns undefined when there is none
 */
export async function readPrivateFile(path: string): Promise<Buffer | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    refuseUnlessOwn(path, await file.stat(), OTHERS_MAY_ANYTHING);
    return await file.readFile();
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return undefined;
    if (error instanceof TokenSourceError) throw error;
    throw new TokenSourceError('secrets_unavailable', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  } finally {
    await file?.close();
  }
}

/** Writes a file with mode 0600 so that readers see the old content or the new one, also after a crash. */
export async function writePrivateFile(path: string, content: Uint8Array): Promise<void> {
  const scratch = `${path}.${process.pid}-${randomToken(6)}.tmp`;
  try {
    const file = await open(scratch, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(scratch, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(scratch, { force: true });
    throw new TokenSourceError('secrets_unavailable', `${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** POSIX only: elsewhere there is no mode to look at, and a profile folder is private by itself. */
function refuseUnlessOwn(path: string, { mode, uid }: Stats, forbidden: number): void {
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return;
  if (uid !== ownUid) {
    throw new TokenSourceError(
      'secrets_unreadable',
      `${path} belongs to another user: remove it, or use another folder`,
    );
  }
  if ((mode & forbidden) !== 0) {
    const fix = forbidden === OTHERS_MAY_WRITE ? 'go-w' : 'go-rwx';
    throw new TokenSourceError('secrets_unreadable', `${path} is open to other users: run "chmod ${fix} ${path}"`);
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // a folder cannot be opened there
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
