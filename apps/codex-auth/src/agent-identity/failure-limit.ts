import { HttpError } from '@codex-gateways/service';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/** Turns callers away that keep failing. */
export interface FailureLimit {
  /** @throws {HttpError} 429 `too_many_attempts` with `Retry-After`, when the key has failed too often */
  check(key: string): Promise<void>;
  /** Notes a failure. */
  count(key: string): Promise<void>;
}

/**
 * Counts in this process. There is nothing to guess behind it (a signature has 512 bits), so it only has to keep a
 * broken or hostile caller cheap; the key must therefore hold all that tells callers apart, or one who fails would lock others out.
 * @param limit - failures in `windowSeconds` that are still answered
 */
export function createFailureLimit({ limit, windowSeconds }: { limit: number; windowSeconds: number }): FailureLimit {
  const limiter = new RateLimiterMemory({ points: limit, duration: windowSeconds });
  return {
    async check(key) {
      const state = await limiter.get(key);
      if (!state || state.consumedPoints < limit) return;
      const retryAfterSeconds = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
      throw new HttpError(429, 'too_many_attempts', `too many attempts, try again in ${retryAfterSeconds} s`, {
        headers: { 'Retry-After': String(retryAfterSeconds) },
      });
    },
    async count(key) {
      // The library rejects with a result, not an error, once the limit is passed: `check` is what refuses.
      await limiter.consume(key).catch((outcome: unknown) => {
        if (!(outcome instanceof RateLimiterRes)) throw outcome;
      });
    },
  };
}
