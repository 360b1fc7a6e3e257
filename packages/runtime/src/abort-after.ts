/**
 * Aborts after `timeoutMs`, or with `other`. AbortSignal.any alone does not: it holds the signals that it follows weakly, and in
 * Node.js 20 a timeout that nobody else holds may be collected before its time, so that what waits for it waits for ever.
 */
export function abortAfter(timeoutMs: number, other: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  if (!other) return timeout;
  timeout.addEventListener('abort', () => undefined); // one that is listened to is kept until its time
  return AbortSignal.any([timeout, other]);
}
