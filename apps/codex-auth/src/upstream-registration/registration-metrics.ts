import type { Metrics } from '@codex-gateways/service';
import { Counter, Gauge } from 'prom-client';
import { UpstreamRegistrationError } from './upstream-registration-error.ts';

/** Hears of registrations. */
export interface RegistrationObserver {
  /** @param error - why there is none; undefined for a registration that was made */
  registrationEnded(upstream: string, error?: unknown): void;
  registrationUsed(upstream: string, ageSeconds: number): void;
}

/** The series of this feature; upstreams are as many as the configuration has. */
export function createRegistrationMetrics({ registry }: Pick<Metrics, 'registry'>): RegistrationObserver {
  const registrations = new Counter({
    name: 'codex_auth_upstream_registrations_total',
    help: 'Registrations of this server at upstreams (RFC 7591), by upstream and outcome.',
    labelNames: ['upstream', 'outcome'],
    registers: [registry],
  });
  const age = new Gauge({
    name: 'codex_auth_upstream_registration_age_seconds',
    help: 'Age of the registration at an upstream when it was used last; above 7776000 (90 days) its secret should be renewed.',
    labelNames: ['upstream'],
    registers: [registry],
  });
  return {
    registrationEnded(upstream, error) {
      registrations.inc({ upstream, outcome: outcomeOf(error) });
    },
    registrationUsed(upstream, ageSeconds) {
      age.set({ upstream }, ageSeconds);
    },
  };
}

function outcomeOf(error: unknown): string {
  if (error === undefined) return 'registered';
  return error instanceof UpstreamRegistrationError ? error.problem : 'internal_error';
}
