import { isNativeError } from 'node:util/types';
import { StartError } from '@codex-gateways/runtime';
import type pg from 'pg';

/** No connection to the database; the message says which database, without password, and why. `isDatabaseUnavailable` judges by the cause. */
export class DatabaseConnectError extends StartError {
  override readonly name = 'DatabaseConnectError';

  constructor(
    { host, port, database }: Pick<pg.Client, 'host' | 'port' | 'database'>,
    { cause, connectionTimeoutMs }: { cause: unknown; connectionTimeoutMs: number },
  ) {
    super(`cannot use the database ${database} at ${host}:${port}: ${reasonOf(cause, connectionTimeoutMs)}`, { cause });
  }
}

function reasonOf(cause: unknown, connectionTimeoutMs: number): string {
  if (!isNativeError(cause)) return String(cause);
  if (cause.message === 'timeout expired') return `it did not answer within ${connectionTimeoutMs} ms`;
  // A name with several addresses, none of which answers, has a code and no message.
  return cause.message !== '' ? cause.message : String('code' in cause ? cause.code : cause.name);
}
