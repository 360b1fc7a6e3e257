import { ServiceUnavailableError } from '@codex-gateways/service';

/** `half_open`: one call is let through to see whether the other side is back. */
export type BreakerState = 'closed' | 'open' | 'half_open';

export interface CircuitBreakerOptions {
  /** Failures in a row after which nobody is let through any more. */
  readonly failureThreshold: number;
  /** Until the first probe; doubles with each probe that fails. */
  readonly backOffMs: number;
  readonly maxBackOffMs: number;
  /** A steady clock. */
  readonly nowMs: () => number;
}

/** Not asked: the other side has failed again and again, and the time for the next probe has not come. */
export class CircuitOpenError extends ServiceUnavailableError {
  readonly retryAfterSeconds: number;
  constructor(waitMs: number) {
    super('the service failed several times in a row and is not asked for the moment');
    this.retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  }
}

/**
 * Stops asking a service that is down: after so many failures in a row every call fails at once, until a back-off is over; then
 * one call goes through as probe, and its success lets all through again.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  /** When the next probe may go; undefined while the circuit is closed. */
  #retryAtMs: number | undefined;
  #backOffMs: number;
  #isProbing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#backOffMs = options.backOffMs;
  }

  get state(): BreakerState {
    if (this.#retryAtMs === undefined) return 'closed';
    return this.#isProbing ? 'half_open' : 'open';
  }

  /**
   * @param work - rejects when the service failed; whatever it resolves with is a success
   * @throws {CircuitOpenError} at once, while nobody is let through
   */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const isProbe = this.#retryAtMs !== undefined;
    if (isProbe) this.#assertMayProbe();
    this.#isProbing ||= isProbe;
    try {
      const result = await work();
      this.#succeeded();
      return result;
    } catch (error) {
      this.#failed(isProbe);
      throw error;
    } finally {
      if (isProbe) this.#isProbing = false;
    }
  }

  #assertMayProbe(): void {
    const waitMs = (this.#retryAtMs ?? 0) - this.#options.nowMs();
    if (this.#isProbing || waitMs > 0) throw new CircuitOpenError(waitMs);
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#retryAtMs = undefined;
    this.#backOffMs = this.#options.backOffMs;
  }

  #failed(wasProbe: boolean): void {
    this.#failures += 1;
    if (wasProbe) this.#backOffMs = Math.min(this.#backOffMs * 2, this.#options.maxBackOffMs);
    // Calls that began before the circuit opened say nothing new.
    else if (this.#retryAtMs !== undefined || this.#failures < this.#options.failureThreshold) return;
    this.#retryAtMs = this.#options.nowMs() + this.#backOffMs;
  }
}
