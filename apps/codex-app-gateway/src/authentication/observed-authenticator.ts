import type { AuthenticationOutcome, Authenticator } from './authenticator.ts';

/** Learns how verifying bearers goes. */
export interface AuthenticationObserver {
  verified(outcome: AuthenticationOutcome['kind'] | 'unavailable', durationMs: number): void;
}

/** The authenticator itself, watched. */
export function observeAuthenticator(inner: Authenticator, observer: AuthenticationObserver): Authenticator {
  return {
    async authenticate(token, headers) {
      const startedAtMs = performance.now();
      try {
        const outcome = await inner.authenticate(token, headers);
        observer.verified(outcome.kind, performance.now() - startedAtMs);
        return outcome;
      } catch (error) {
        observer.verified('unavailable', performance.now() - startedAtMs);
        throw error;
      }
    },
    checkReady: () => inner.checkReady(),
    breakerState: () => inner.breakerState?.() ?? 'closed',
    close: () => inner.close(),
  };
}
