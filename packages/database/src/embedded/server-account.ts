import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Log } from '../log.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';

/** The system user that the server runs as when the caller is root: PostgreSQL refuses to run as root. */
const SERVER_USER = 'codex-gateways-pg';

/** Numeric identity for child_process; undefined means "as the caller". */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Decides whom the server runs as. A normal user: himself. Root: the owner of an existing data directory, otherwise a
 * system user of its own, created when it is missing.
 * @param existingDataDirectory - undefined when the directory has yet to be made
 * @throws {EmbeddedPostgresError} the user cannot be created
 */
export function resolveServerAccount(existingDataDirectory: string | undefined, log: Log): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existingDataDirectory) {
    const { uid, gid } = statSync(existingDataDirectory);
    if (uid !== 0) return { uid, gid };
  }
  return findUser(SERVER_USER) ?? createUser(log);
}

function findUser(name: string): ServerAccount | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** It waits for others that change the same files, 15 s at most; the event loop waits with it. */
const USERADD_TIMEOUT_MS = 60_000;

function createUser(log: Log): ServerAccount {
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  try {
    execFileSync('useradd', [...options, '--shell', '/usr/sbin/nologin', SERVER_USER], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: 'pipe',
      timeout: USERADD_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    log.info({ user: SERVER_USER }, 'created a system user: PostgreSQL does not run as root');
  } catch (cause) {
    // Another process may have created the user at the same moment.
    if (!findUser(SERVER_USER)) {
      const message = `cannot create the system user ${SERVER_USER} that PostgreSQL runs as: start as a normal user`;
      throw new EmbeddedPostgresError(message, { cause });
    }
  }
  const account = findUser(SERVER_USER);
  if (!account) throw new EmbeddedPostgresError(`the system user ${SERVER_USER} is missing from /etc/passwd`);
  return account;
}

/**
 * The nearest parent folder that an account may not pass through, judged by the permission bits.
 * @param path - absolute, without symbolic links; the path itself is included
 * @returns undefined when all of them are open
 */
export function findClosedFolder(path: string, account: ServerAccount): string | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    if (!maySearch(folder, account)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function maySearch(folder: string, { uid, gid }: ServerAccount): boolean {
  const stat = statSync(folder);
  if (stat.uid === uid) return (stat.mode & 0o100) !== 0;
  if (stat.gid === gid) return (stat.mode & 0o010) !== 0;
  return (stat.mode & 0o001) !== 0;
}
