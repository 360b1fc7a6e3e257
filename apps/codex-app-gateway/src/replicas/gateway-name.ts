import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { errorCodeOf } from '../error-code.ts';
import { replaceFile } from '../files/replace-file.ts';

/**
 * The name of the gateway that holds a state folder: made once and kept in it, since it stands for the disk on which the
 * workspaces' conversations lie, wherever and by which process it is served.
 * @throws {Error} when the file is there and holds no name
 */
export async function gatewayName(path: string): Promise<string> {
  const known = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (known !== undefined) {
    const name = z.uuid().safeParse(known.trim());
    if (!name.success) throw new Error(`${path} does not hold the name of a gateway`);
    return name.data;
  }
  const name = randomUUID();
  await replaceFile(path, `${name}\n`);
  return name;
}
