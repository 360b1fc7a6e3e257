import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createPool, type EmbeddedPostgres, startEmbeddedPostgres } from '@codex-gateways/database';
import { whenThisProcessIsGone } from '../processes/process-guard.ts';
import { dataTemplate, TEST_USER } from './data-template.ts';

// Ends the server without ceremony, waits until it is gone, and deletes its folder.
const REMOVE_SERVER = `
  server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -s QUIT "$server"
  tries=0
  while [ -n "$server" ] && kill -0 "$server" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  rm -rf "$1"`;

/** A database of its own for one test or one test file. */
export interface TestDatabase {
  /** Connection string of a superuser. */
  readonly url: string;
  /** Deletes the database, whoever is still connected to it. */
  drop(): Promise<void>;
}

/** A real PostgreSQL server for tests: it forgets everything when it stops, and survives no crash of the machine. */
export interface TestPostgres {
  readonly pid: number;
  createDatabase(): Promise<TestDatabase>;
  /** Ends the server, whoever is connected, and deletes its data. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free port of 127.0.0.1, with its data in a temporary folder. It ends with this process, however
 * that happens.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const template = await dataTemplate();
  const folder = await mkdtemp(join(tmpdir(), 'codex-gateways-postgres-'));
  const callGuardOff = whenThisProcessIsGone(REMOVE_SERVER, [folder]);
  const removeFolder = async () => {
    await rm(folder, { recursive: true, force: true });
    callGuardOff();
  };
  const dataDirectory = join(folder, 'data');
  let server: EmbeddedPostgres;
  try {
    await promisify(execFile)('cp', ['-a', template.dataDirectory, dataDirectory]); // keeps the owner, as node:fs does not
    const { password } = template;
    server = await startEmbeddedPostgres({ dataDirectory, port: 0, user: TEST_USER, password, durable: false });
  } catch (error) {
    await removeFolder();
    throw error;
  }
  return {
    pid: server.pid,
    createDatabase: () => createDatabase(server),
    stop: async () => {
      stopAtOnce(server.pid);
      await server.stop();
      await removeFolder();
    },
  };
}

/** Immediate shutdown: nothing that a fast shutdown would write is needed any more. */
function stopAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function createDatabase(server: EmbeddedPostgres): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await server.ensureDatabase(name);
  return {
    url: server.url(name),
    drop: async () => {
      const pool = createPool({ databaseUrl: server.url('postgres'), applicationName: 'testing', maxConnections: 1 });
      try {
        await pool.query(`drop database if exists ${name} with (force)`);
      } finally {
        await pool.end();
      }
    },
  };
}
