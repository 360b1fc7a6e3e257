/**
 * Runs `work` with a signal that aborts after `timeoutMs`, or with `other`. When `work` is done nothing is left of it, neither a timer nor a
 * listener: for what is done so often that `abortAfter`, whose timer always runs to its end, costs too much.
 * @throws what `work` throws; that it ends when its signal aborts is its own affair
 */
export async function withinDeadline<Result>(
  { timeoutMs, other }: { timeoutMs: number; other: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const abortWithOther = () => controller.abort(other?.reason);
  const timer = setTimeout(() => {
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }, timeoutMs);
  timer.unref();
  if (other?.aborted) abortWithOther();
  else other?.addEventListener('abort', abortWithOther, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    other?.removeEventListener('abort', abortWithOther);
  }
}
