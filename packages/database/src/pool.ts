import pg from 'pg';
import { type Log, silentLog } from './log.ts';
import { createObservedPool, type QueryObserver } from './observed-pool.ts';

export interface PoolOptions {
  readonly databaseUrl: string;
  /** Shown in pg_stat_activity: the service's name. */
  readonly applicationName: string;
  readonly maxConnections?: number;
  /** Longest wait for a connection, a free place in the pool included. */
  readonly connectionTimeoutMs?: number;
  /** The server ends a statement after this time. */
  readonly statementTimeoutMs?: number;
  /**
   * Longest wait for an answer, after which the connection is given up: for a server that has gone silent and can end nothing
   * itself. Longer than `statementTimeoutMs`; without it such a query waits as long as TCP does.
   */
  readonly queryTimeoutMs?: number;
  readonly log?: Log;
  /** Learns of each statement of the pool and of its transactions. */
  readonly observer?: QueryObserver;
}

/** Opens a pool lazily: nothing is connected before the first query. The caller ends it. */
export function createPool(options: PoolOptions): pg.Pool {
  const { databaseUrl, applicationName, maxConnections = 10, log = silentLog } = options;
  const config: pg.PoolConfig = {
    connectionString: databaseUrl,
    application_name: applicationName,
    max: maxConnections,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 5_000,
    statement_timeout: options.statementTimeoutMs ?? 15_000,
    query_timeout: options.queryTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  };
  const pool = options.observer ? createObservedPool(config, options.observer) : new pg.Pool(config);
  // An idle connection that breaks is dropped by the pool; without a listener the event would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection broke'));
  return pool;
}

/**
 * Readiness: one round trip within the given time, the wait for a connection included.
 * @throws {Error} the database does not answer; the message carries the reason
 */
export async function checkDatabase(pool: pg.Pool, timeoutMs: number): Promise<void> {
  const answer = pool.query({ text: 'select 1', query_timeout: timeoutMs } as pg.QueryConfig);
  answer.catch(() => undefined); // may fail after the deadline has decided
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the database did not answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
