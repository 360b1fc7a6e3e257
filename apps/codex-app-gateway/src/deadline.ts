export interface Deadline {
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  /** From here on it never aborts. */
  clear(): void;
}

/** `AbortSignal.timeout` that ends with what it was for: thousands of those that nobody waits for any more cost more than their work. */
export function startDeadline(timeoutMs: number): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs).unref();
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}
