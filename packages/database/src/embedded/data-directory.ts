import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { identifyProcess, isSameProcessAlive, type ProcessIdentity } from '@codex-gateways/runtime';
import type { PostgresBinaries } from './binaries.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import type { ServerAccount } from './server-account.ts';
import { accessDataDirectory, runToEnd } from './server-process.ts';

/** A second or two, unless the disk is slow or the machine does much else. */
const INITDB_PATIENCE_MS = 300_000;

const ownerFile = (dataDirectory: string) => `${dataDirectory}.owner`;

/** Whether the data directory was initialised completely. */
export function isInitialised(dataDirectory: string): boolean {
  return existsSync(join(dataDirectory, 'PG_VERSION'));
}

/**
 * Notes this process as the one that runs the server, so that another can tell a living owner from a killed one.
 * @throws {EmbeddedPostgresError} another living process runs a server on this directory
 */
export function claimDataDirectory(dataDirectory: string): void {
  const file = ownerFile(dataDirectory);
  mkdirSync(dirname(file), { recursive: true });
  const owner = readOwner(file);
  if (owner && owner.pid !== process.pid && isSameProcessAlive(owner)) {
    throw new EmbeddedPostgresError(`${dataDirectory} is in use by process ${owner.pid}`);
  }
  const incomplete = `${file}.${process.pid}`;
  writeFileSync(incomplete, JSON.stringify(identifyProcess(process.pid)));
  renameSync(incomplete, file);
}

/** Forgets the owner after a clean stop. */
export function releaseDataDirectory(dataDirectory: string): void {
  rmSync(ownerFile(dataDirectory), { force: true });
}

function readOwner(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined; // none, or cut off by a crash: nobody owns it
  }
}

/** Makes a new data directory. The superuser's password is asked for on every connection (scram-sha-256). */
export async function initialiseDataDirectory(options: {
  readonly dataDirectory: string;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly user: string;
  readonly password: string;
  readonly durable: boolean;
}): Promise<void> {
  const { dataDirectory, binaries, account } = options;
  const incomplete = makeIncompleteSibling(dataDirectory);
  if (account) chownSync(incomplete, account.uid, account.gid);
  const passwordFile = openPassword(`${incomplete}.password`, options.password, account);
  const { cwd, argument } = accessDataDirectory(incomplete, account);
  const command = [binaries.initdb, '-D', argument, '--pwfile=/dev/fd/3', `--username=${options.user}`];
  command.push('--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions');
  // The built-in locale is the same on every machine, whatever locales the system has.
  command.push('--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8');
  if (!options.durable) command.push('--no-sync');
  try {
    const { exitCode, stderr } = await runToEnd(command, {
      cwd,
      account,
      passwordFile,
      patienceMs: INITDB_PATIENCE_MS,
    });
    if (exitCode !== 0) throw new EmbeddedPostgresError(`initdb failed in ${dataDirectory}: ${stderr.trim()}`);
    renameSync(incomplete, dataDirectory);
  } finally {
    closeSync(passwordFile);
    rmSync(incomplete, { recursive: true, force: true });
  }
}

/**
 * initdb works in a sibling that is renamed when it is complete: a directory under its final name is never partial. Each
 * run has its own, because an initdb whose parent was killed goes on for a moment.
 */
function makeIncompleteSibling(dataDirectory: string): string {
  const prefix = `${basename(dataDirectory)}.incomplete-`;
  const parent = dirname(dataDirectory);
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 10 });
  }
  return mkdtempSync(join(parent, prefix));
}

/** Hands the password over as an open descriptor of a file that has no name any more. */
function openPassword(path: string, password: string, account: ServerAccount | undefined): number {
  rmSync(path, { force: true });
  writeFileSync(path, `${password}\n`, { mode: 0o600 });
  if (account) chownSync(path, account.uid, account.gid);
  const descriptor = openSync(path, 'r');
  unlinkSync(path);
  return descriptor;
}
