import { isNativeError } from 'node:util/types';
import { DatabaseConnectError } from './connect-error.ts';

/*
 * SQLSTATE classes and codes (PostgreSQL documentation, appendix A) that say "not now" rather than "not like this":
 *   08     connection exceptions
 *   53     insufficient resources, too_many_connections among them
 *   57P01  admin_shutdown     57P02  crash_shutdown     57P03  cannot_connect_now     57P05  idle_session_timeout
 *   57014  query_canceled, which is how statement_timeout ends a statement
 *   25006  read_only_sql_transaction, what a primary answers that has just become a standby
 */
const PASSING_SQLSTATE = /^(08...|53...|57P0[1235]|57014|25006)$/;

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

// node-postgres gives these no code.
const DRIVER_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error)/;

/**
 * Whether an error of a query says that the database cannot be used at the moment: away, starting, full, or too slow. The
 * same call may succeed later, so callers are told 503. False for every error that the statement itself earned.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseConnectError) return isDatabaseUnavailable(error.cause);
  if (!isNativeError(error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code !== undefined && (NETWORK_CODES.has(code) || PASSING_SQLSTATE.test(code))) return true;
  return DRIVER_MESSAGE.test(error.message);
}
