import { constants } from 'node:fs';
import { access, open, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from '@codex-gateways/service';

const PLATFORM_PACKAGE = `codex-${process.platform}-${process.arch}`;

/**
 * The program that is started as app-server: the configured one (a path, or a name looked up in `PATH`), or when none is
 * configured the native program inside the package @openai/codex.
 * @throws {ConfigError} in one line, when there is no such program
 */
export async function resolveCodexBinary(configured: string, path = ''): Promise<string> {
  const candidates = configured === '' ? await bundledCandidates() : configuredCandidates(configured, path);
  for (const candidate of candidates) {
    if (await isProgram(candidate)) return candidate;
  }
  throw new ConfigError([
    configured === ''
      ? `CXG_CODEX_BIN is not set, and the package @openai/codex has no program for ${process.platform} ${process.arch}`
      : `CXG_CODEX_BIN names no program: ${configured}`,
  ]);
}

/** Whether a file is there and may be run. */
export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * `PATH` for an app-server: a folder without programs, since left to itself an app-server runs `git` and others on this
 * host in folders that its clients name. A script, such as the npm wrapper of the CLI, cannot do without programs and gets ours.
 */
export async function programPath(
  program: string,
  { path, emptyFolder }: { path: string; emptyFolder: string },
): Promise<string> {
  const file = await open(program, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.toString('latin1') === '#!' ? path : emptyFolder;
  } finally {
    await file.close();
  }
}

function configuredCandidates(configured: string, path: string): string[] {
  if (isAbsolute(configured) || configured.includes('/')) return [resolve(configured)];
  return path
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, configured));
}

/** The package is a script that starts a program from an optional package beside it or below it. */
async function bundledCandidates(): Promise<string[]> {
  const scope = bundledScope();
  if (scope === undefined) return [];
  const vendors = [scope, join(scope, 'codex', 'node_modules', '@openai')].map((folder) =>
    join(folder, PLATFORM_PACKAGE, 'vendor'),
  );
  const targets = await Promise.all(
    vendors.map(async (vendor) => {
      const names = await readdir(vendor).catch(() => []);
      return names.map((name) => join(vendor, name));
    }),
  );
  return targets.flat().map((target) => join(target, 'bin', 'codex'));
}

function bundledScope(): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve('@openai/codex/package.json')));
  } catch {
    return undefined;
  }
}
