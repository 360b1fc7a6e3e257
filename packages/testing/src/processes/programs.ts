import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps servers, such as haproxy, where only root's PATH leads. */
const SERVERS = ['/usr/local/sbin', '/usr/sbin'];

/** Where a program lies that is called by its name, on the PATH or among the system's servers; undefined when there is none. */
export function findProgram(
  name: string,
  path = [process.env.PATH ?? '', ...SERVERS].join(delimiter),
): string | undefined {
  return path
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isProgram);
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

/**
 * `describe` for tests that need programs which npm does not bring (Debian's `tmux`, `haproxy`, …). Where one is missing
 * the tests are skipped, which is said on standard error; with `CI=true`, `npm test` fails on skipped tests.
 */
export function describeWith(...names: readonly string[]): typeof describe | typeof describe.skip {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return describe;
  process.stderr.write(`skipped, since this machine has no ${missing.join(' and no ')}\n`);
  return describe.skip;
}
