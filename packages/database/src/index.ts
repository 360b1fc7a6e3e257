export { DatabaseConnectError } from './connect-error.ts';
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded/embedded-postgres.ts';
export { EmbeddedPostgresError, PortTakenError } from './embedded/embedded-postgres-error.ts';
export { requireFreePort } from './embedded/loopback-port.ts';
export { createListener, type Listener, type ListenerOptions, type NotificationHandler } from './listener.ts';
export type { Log } from './log.ts';
export { MigrationHistoryError, type MigrationOptions, runMigrations } from './migrations.ts';
export type { QueryObserver } from './observed-pool.ts';
export { checkDatabase, createPool, type PoolOptions } from './pool.ts';
export type { Pool, PoolClient, Queryable } from './queryable.ts';
export { type TransactionOptions, transaction } from './transaction.ts';
export { isDatabaseUnavailable } from './unavailable.ts';
