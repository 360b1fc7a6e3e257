import { type DestinationStream, type Logger, pino } from 'pino';
import { requestFields } from './tracing/request-context.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

// A second line of defence: nothing here is ever passed to the logger on purpose.
const REDACTED_PATHS = [
  '*.authorization',
  '*.cookie',
  '*.token',
  '*.access_token',
  '*.refresh_token',
  '*.id_token',
  '*.password',
  '*.client_secret',
  '*.code',
  '*.code_verifier',
  'token',
  'password',
  'authorization',
  'cookie',
];

/**
 * One JSON object a line on standard output. Times are RFC 3339 UTC. What is logged while a request is worked for has its `request_id`
 * and `trace_id`.
 */
export function createLogger(
  { service, level }: { service: string; level: LogLevel },
  destination?: DestinationStream,
): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    mixin: () => ({ ...requestFields() }),
  };
  return destination ? pino(options, destination) : pino(options);
}
