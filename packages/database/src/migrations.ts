import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { StartError } from '@codex-gateways/runtime';
import pg from 'pg';
import { DatabaseConnectError } from './connect-error.ts';
import { type Log, silentLog } from './log.ts';

const MIGRATIONS_TABLE = 'schema_migrations';
/** `0001-accounts.sql`: four digits give the order, the rest a name for people. */
const STEP_FILE = /^\d{4}-[a-z0-9-]+\.sql$/;

export interface MigrationOptions {
  readonly databaseUrl: string;
  /** Made when missing; holds the service's tables and the list of applied steps. */
  readonly schema: string;
  /** Folder of plain `.sql` files, one a step, forward only. */
  readonly directory: string;
  /** Longest wait for the server to let this connection in. How long other replicas may migrate first, and steps take, has no limit. */
  readonly connectionTimeoutMs?: number;
  readonly log?: Log;
}

/** The steps in the database are not the beginning of the steps in the folder. */
export class MigrationHistoryError extends StartError {
  override readonly name = 'MigrationHistoryError';
}

/**
 * Brings a schema up to date. Replicas that start together wait for one another; each step runs once, and all pending
 * steps are one transaction. Inside a step the schema is the search path.
 * @returns names of the steps that this call applied
 * @throws {MigrationHistoryError} an applied step is unknown here, or the order has changed
 * @throws {DatabaseConnectError} the database cannot be reached, does not exist, or does not know the user
 */
export async function runMigrations(options: MigrationOptions): Promise<string[]> {
  const { schema, directory, log = silentLog } = options;
  const steps = await listSteps(directory);
  const client = await connect(options, log);
  try {
    // Session lock, on the connection that migrates: if that breaks, the lock and the transaction end together.
    await client.query('select pg_advisory_lock($1::bigint)', [lockKey(schema)]);
    const before = await readApplied(client, schema);
    checkHistory(schema, before, steps);
    if (before.length === steps.length) return [];
    const { runner } = await import('node-pg-migrate'); // it loads slowly, and most starts have nothing to migrate
    const applied = await runner({
      dbClient: client,
      schema,
      createSchema: true,
      migrationsTable: MIGRATIONS_TABLE,
      dir: directory,
      ignorePattern: '(?!\\d{4}-[a-z0-9-]+\\.sql$).*',
      direction: 'up',
      singleTransaction: true,
      checkOrder: false, // checkHistory compares more
      noLock: true,
      logger: toRunnerLogger(log),
    });
    for (const { name } of applied) log.info({ schema, step: name }, 'migration step applied');
    return applied.map(({ name }) => name);
  } finally {
    await client.end(); // releases the lock
  }
}

async function connect(
  { databaseUrl, schema, connectionTimeoutMs = 15_000 }: MigrationOptions,
  log: Log,
): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: `${schema} migrations`,
    connectionTimeoutMillis: connectionTimeoutMs,
    keepAlive: true,
  });
  client.on('error', (error) => log.warn({ err: error }, 'the connection of the migrations broke'));
  try {
    await client.connect();
  } catch (error) {
    throw new DatabaseConnectError(client, { cause: error, connectionTimeoutMs });
  }
  return client;
}

/** @returns names of the steps in order, without `.sql` */
async function listSteps(directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  const misnamed = files.find((file) => !STEP_FILE.test(file));
  if (misnamed) throw new TypeError(`${misnamed} in ${directory} is not named like 0001-accounts.sql`);
  const steps = files.map((file) => file.slice(0, -'.sql'.length));
  const twice = steps.find((step, index) => step.slice(0, 4) === steps[index + 1]?.slice(0, 4));
  if (twice) throw new TypeError(`two steps in ${directory} have the number ${twice.slice(0, 4)}`);
  return steps;
}

/** First 63 bits of a digest: a stable key that two schemas do not share by accident. */
function lockKey(schema: string): string {
  const digest = createHash('sha256').update(`codex-gateways migrations ${schema}`).digest();
  return (digest.readBigUInt64BE() >> 1n).toString();
}

async function readApplied(client: pg.Client, schema: string): Promise<string[]> {
  const table = `${client.escapeIdentifier(schema)}.${MIGRATIONS_TABLE}`;
  const found = await client.query<{ present: boolean }>('select to_regclass($1) is not null as present', [table]);
  if (!found.rows[0]?.present) return [];
  const { rows } = await client.query<{ name: string }>(`select name from ${table} order by id`);
  return rows.map(({ name }) => name);
}

function checkHistory(schema: string, applied: readonly string[], steps: readonly string[]): void {
  applied.forEach((name, index) => {
    if (steps[index] === name) return;
    const problem = steps.includes(name)
      ? `the order of migrations has changed: ${name} was applied as step ${index + 1}, where ${steps[index]} stands now`
      : `the applied step ${name} is unknown to this version: run the version that applied it, or a newer one`;
    throw new MigrationHistoryError(`schema ${schema}: ${problem}`);
  });
}

/** node-pg-migrate reports the failing statement with its position: that is what the developer of a step needs. */
function toRunnerLogger(log: Log) {
  return {
    info: (message: string) => log.debug({}, message),
    warn: (message: string) => log.warn({}, message),
    error: (message: string) => log.error({}, message),
  };
}
