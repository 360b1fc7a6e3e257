import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Log, silentLog } from '../log.ts';
import { locateBinaries, type PostgresBinaries } from './binaries.ts';
import { claimDataDirectory, initialiseDataDirectory, isInitialised, releaseDataDirectory } from './data-directory.ts';
import { EmbeddedPostgresError, PortTakenError } from './embedded-postgres-error.ts';
import { onFreePort, requireFreePort } from './loopback-port.ts';
import { clearLeftovers, readPostmasterFile, stopPostmaster, waitUntil } from './postmaster-file.ts';
import { resolveServerAccount, type ServerAccount } from './server-account.ts';
import { accessDataDirectory, followServerLog, releaseWatcher, spawnServer } from './server-process.ts';

/** Crash recovery after a kill may take a while on a slow disk. */
const START_PATIENCE_MS = 60_000;
/** From the server's end to that of its log. */
const LOG_PATIENCE_MS = 5_000;

const ALWAYS = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'timezone=UTC', 'log_timezone=UTC'];
/** Loses data when the machine stops; for tests. */
const NOT_DURABLE = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

export interface EmbeddedPostgresOptions {
  /** Kept between starts; made when missing, with its parents. */
  readonly dataDirectory: string;
  /** On 127.0.0.1; 0 chooses a free one. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** false turns off everything that protects data from a crash of the machine: for tests only. Default true. */
  readonly durable?: boolean;
  readonly maxConnections?: number;
  readonly log?: Log;
}

export interface EmbeddedPostgres {
  readonly port: number;
  /** Of the postmaster. */
  readonly pid: number;
  /** Settles when the server has ended, asked to or not. */
  readonly ended: Promise<void>;
  /** Connection string for a database of this server. */
  url(databaseName: string): string;
  /** Creates a database unless it exists. */
  ensureDatabase(databaseName: string): Promise<void>;
  /** Fast shutdown: open transactions are rolled back, data is written. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL server from npm's binaries on loopback. It recovers by itself from a killed server, a killed
 * parent, a reboot and an interrupted initialisation; it ends when this process ends, however that happens.
 * @throws {PortTakenError} another program listens on the port
 * @throws {EmbeddedPostgresError} the directory is in use by another process, or the server cannot start
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDirectory, user, password, log = silentLog, durable = true } = options;
  const account = resolveServerAccount(existsSync(dataDirectory) ? dataDirectory : undefined, log);
  const binaries = locateBinaries(account);
  claimDataDirectory(dataDirectory);
  if (isInitialised(dataDirectory)) await clearLeftovers(dataDirectory, log);
  if (options.port !== 0) await requireFreePort(options.port); // named before an initialisation that takes seconds
  if (!isInitialised(dataDirectory)) {
    await initialiseDataDirectory({ dataDirectory, binaries, account, user, password, durable });
  }
  const { port, ...server } = await onFreePort(options.port, async (free) => ({
    ...(await launch({ ...options, port: free, durable, log, binaries, account })),
    port: free,
  }));
  const url = (databaseName: string) => {
    const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
    return `postgresql://${credentials}@127.0.0.1:${port}/${encodeURIComponent(databaseName)}`;
  };
  const stop = async () => {
    await stopPostmaster(server.pid);
    await server.ended;
    releaseDataDirectory(dataDirectory);
  };
  try {
    await withMaintenanceClient(url('postgres'), (client) => client.query('select 1'));
  } catch (cause) {
    await stop();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedPostgresError(`PostgreSQL in ${dataDirectory} refuses its own user: ${reason}`, { cause });
  }
  return { port, ...server, url, stop, ensureDatabase: (name) => ensureDatabase(url('postgres'), name) };
}

interface LaunchOptions extends EmbeddedPostgresOptions {
  readonly durable: boolean;
  readonly log: Log;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
}

async function launch(options: LaunchOptions): Promise<{ pid: number; ended: Promise<void> }> {
  const { dataDirectory, port, account, binaries } = options;
  const { cwd, argument } = accessDataDirectory(dataDirectory, account);
  const settings = [...ALWAYS, `max_connections=${options.maxConnections ?? 200}`];
  if (!options.durable) settings.push(...NOT_DURABLE);
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const server = spawnServer([binaries.postgres, '-D', argument, '-p', String(port), ...flags], { cwd, account });
  const reason = followServerLog(server, options.log);
  const ended = endOf(server);
  let failed: Error | undefined;
  server.once('error', (error) => {
    failed = error;
  });
  const settled = () => failed !== undefined || server.exitCode !== null || server.signalCode !== null;
  const ready = () => readPostmasterFile(cwd)?.pid === server.pid && readPostmasterFile(cwd)?.ready === true;
  const inTime = await waitUntil(() => settled() || ready(), START_PATIENCE_MS);
  if (server.pid !== undefined && inTime && !settled()) return { pid: server.pid, ended };
  if (server.pid !== undefined) await stopPostmaster(server.pid);
  await ended;
  if (/Address already in use/i.test(reason())) throw new PortTakenError(port);
  throw new EmbeddedPostgresError(`PostgreSQL in ${dataDirectory} does not start: ${failed?.message ?? reason()}`);
}

async function endOf(server: ChildProcess): Promise<void> {
  if (server.pid === undefined) return;
  const closed = once(server, 'close').catch(() => undefined);
  await once(server, 'exit').catch(() => undefined);
  releaseWatcher(server);
  // Comes after the last line of the log, which names the reason of a failed start; a backend that is left may hold the log open.
  await Promise.race([closed, delay(LOG_PATIENCE_MS, undefined, { ref: false })]);
}

async function ensureDatabase(maintenanceUrl: string, name: string): Promise<void> {
  await withMaintenanceClient(maintenanceUrl, async (client) => {
    const found = await client.query('select 1 from pg_catalog.pg_database where datname = $1', [name]);
    if (found.rowCount) return;
    await client.query(`create database ${client.escapeIdentifier(name)}`).catch((error: { code?: string }) => {
      // duplicate_database, or the same noticed by the catalogue's unique index: another session was first
      if (error.code !== '42P04' && error.code !== '23505') throw error;
    });
  });
}

async function withMaintenanceClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 60_000, query_timeout: 60_000 });
  client.on('error', () => undefined); // a broken connection fails the query that is under way
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
