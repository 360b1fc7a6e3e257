import { isNativeError } from 'node:util/types';

const MAX_LENGTH = 200;

/** What the network said, for the log: `fetch failed` and the empty message of several failed addresses say nothing. */
export function failureReason(error: unknown): string {
  if (!isNativeError(error)) return 'no answer';
  if (isNativeError(error.cause)) return failureReason(error.cause);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'no answer';
  return (error.message || code).slice(0, MAX_LENGTH);
}
