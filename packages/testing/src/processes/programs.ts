import { findProgram as findOn } from '@codex-gateways/runtime';

/** Where a program lies that is called by its name, on this process's PATH or among the system's servers; undefined when there is none. */
export function findProgram(name: string): string | undefined {
  return findOn(name, process.env.PATH ?? '');
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
