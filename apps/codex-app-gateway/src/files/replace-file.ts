import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file as a whole: a reader, and whoever comes after a crash, sees the old content or the new, never a part.
 * The content is on the disk when this returns. Two writers of one file must not overlap.
 * @param mode - of the new file
 * @param owner - who gets it, when that is not this process's user
 */
export async function replaceFile(
  path: string,
  content: string,
  { mode = 0o600, owner }: { mode?: number; owner?: { readonly uid: number; readonly gid: number } | undefined } = {},
): Promise<void> {
  // The folder may be another user's, who must not be able to lay out a link where we write.
  const staging = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(staging, 'wx', mode);
    try {
      if (owner) await file.chown(owner.uid, owner.gid);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staging, path);
  } catch (error) {
    await rm(staging, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** A rename is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
