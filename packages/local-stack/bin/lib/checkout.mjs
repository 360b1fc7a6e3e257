// Where things are in this checkout. Plain Node.js: this runs before anything is installed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/\/$/, '');

/** Every workspace of the root package.json that exists: `{ folder, name, scripts }`, folders relative to the root. */
export function listWorkspaces() {
  const { workspaces } = readJson(join(ROOT, 'package.json'));
  const parents = workspaces.map((pattern) => pattern.replace(/\/\*$/, ''));
  return parents.flatMap((parent) =>
    readdirSync(join(ROOT, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(parent, entry.name))
      .sort()
      .flatMap(readWorkspace),
  );
}

function readWorkspace(folder) {
  try {
    const { name, scripts = {} } = readJson(join(ROOT, folder, 'package.json'));
    return [{ folder, name, scripts }];
  } catch (error) {
    if (error.code === 'ENOENT') return []; // a folder that an earlier version left behind
    throw error;
  }
}

/** Reads a JSON file. */
export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Reads a text file that may be missing. */
export function readTextIfAny(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
