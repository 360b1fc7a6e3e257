import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps servers, such as haproxy, where only root's PATH leads. */
const SERVER_FOLDERS = ['/usr/local/sbin', '/usr/sbin'];

/**
 * Where a program lies that is called by its name; undefined when there is none.
 * @param path - as the variable PATH has it
 * @param besides - folders that count as well, after it
 */
export function findProgram(
  name: string,
  path: string,
  besides: readonly string[] = SERVER_FOLDERS,
): string | undefined {
  return [...path.split(delimiter).filter(Boolean), ...besides].map((folder) => join(folder, name)).find(isProgram);
}

/** Whether this file can be executed. */
export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
