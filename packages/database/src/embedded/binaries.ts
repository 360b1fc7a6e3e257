import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { findClosedFolder, type ServerAccount } from './server-account.ts';

/** Root-owned copies of the binaries, for a server account that cannot pass through the folders above node_modules. */
const SHARED_COPIES = '/var/lib/codex-gateways';

/** Absolute paths of the programs that npm installed for this platform. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds PostgreSQL's programs, complete and executable for the account that will run them.
 * @throws {EmbeddedPostgresError} npm has no binaries for this platform, or left them out
 */
export function locateBinaries(account: ServerAccount | undefined): PostgresBinaries {
  const packageFolder = findPlatformPackage();
  const installed = join(packageFolder, 'native');
  completeInstallation(packageFolder);
  const native = account && findClosedFolder(installed, account) ? copyForEveryone(packageFolder) : installed;
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

/** The platform package is an optional dependency of embedded-postgres, so it is resolved from there. */
function findPlatformPackage(): string {
  const embeddedPostgres = findEmbeddedPostgres();
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return realpathSync(join(dirname(createRequire(embeddedPostgres).resolve(name)), '..'));
  } catch (cause) {
    throw new EmbeddedPostgresError(`${name} is not installed: PostgreSQL has no binaries for this platform`, {
      cause,
    });
  }
}

/** An optional peer: production installations, which have a server of their own, do not carry it. */
function findEmbeddedPostgres(): string {
  try {
    return createRequire(import.meta.url).resolve('embedded-postgres');
  } catch (cause) {
    const message = 'embedded-postgres is not installed: production installations use a PostgreSQL server of their own';
    throw new EmbeddedPostgresError(message, { cause });
  }
}

/**
 * Does what the package's install script does, because npm may have been told to skip scripts: links shared libraries to
 * the names they are loaded by.
 */
function completeInstallation(packageFolder: string): void {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  const links = existsSync(list)
    ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[])
    : [];
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(packageFolder, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  for (const program of ['initdb', 'postgres']) {
    const path = join(packageFolder, 'native', 'bin', program);
    if ((statSync(path).mode & 0o111) !== 0o111) chmodSync(path, 0o755);
  }
}

/** Copies whole into a temporary sibling first, so that an interrupted copy is never used. */
function copyForEveryone(packageFolder: string): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
  const copy = join(SHARED_COPIES, `postgresql-${version}`);
  if (existsSync(copy)) return copy;
  mkdirSync(SHARED_COPIES, { recursive: true, mode: 0o755 });
  const incomplete = mkdtempSync(`${copy}.`);
  chmodSync(incomplete, 0o755);
  cpSync(join(packageFolder, 'native'), incomplete, { recursive: true, verbatimSymlinks: true });
  try {
    renameSync(incomplete, copy);
  } catch (error) {
    rmSync(incomplete, { recursive: true, force: true });
    if (!existsSync(copy)) throw error; // otherwise another process was first
  }
  return copy;
}
