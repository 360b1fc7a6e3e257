import type { Metrics } from '@codex-gateways/service';
import { Counter, Histogram } from 'prom-client';
import { DEVICE_CODE_GRANT } from './clients.ts';
import type { RevocationReason } from './grants.ts';

/** How a refresh token that was used before is answered: with its successor within the grace, or by revoking its grant. */
export const REUSE_ANSWERS = ['again', 'revoked'] as const;
export type ReuseAnswer = (typeof REUSE_ANSWERS)[number];

/** Hears of tokens. */
export interface TokenObserver {
  /** @param grantType - one that this server has */
  tokensIssued(grantType: string): void;
  refreshReused(answer: ReuseAnswer): void;
  grantsRevoked(reason: RevocationReason, count: number): void;
  /** All tokens of one answer. */
  signed(durationMs: number): void;
}

const GRANT_LABELS: Readonly<Record<string, string>> = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  [DEVICE_CODE_GRANT]: 'device_code',
};

const COUNTED_REASONS: readonly RevocationReason[] = ['code_replayed', 'refresh_token_reused', 'revoked_by_client'];

/** The series of token issuing. Each is there from the start, with every label. */
export function createTokenMetrics({ registry }: Pick<Metrics, 'registry'>): TokenObserver {
  const registers = [registry];
  const issued = new Counter({
    name: 'codex_auth_tokens_issued_total',
    help: 'Token requests that were answered with tokens, by grant.',
    labelNames: ['grant'],
    registers,
  });
  for (const grant of Object.values(GRANT_LABELS)) issued.inc({ grant }, 0);
  const reuse = new Counter({
    name: 'codex_auth_refresh_reuse_total',
    help: 'Refresh tokens that were presented again after they were used, by answer: again (within the grace) or revoked.',
    labelNames: ['answer'],
    registers,
  });
  for (const answer of REUSE_ANSWERS) reuse.inc({ answer }, 0);
  const revoked = new Counter({
    name: 'codex_auth_grants_revoked_total',
    help: 'Logins that a client, a code or a refresh token presented again ended, by reason.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of COUNTED_REASONS) revoked.inc({ reason }, 0);
  const signing = new Histogram({
    name: 'codex_auth_signing_seconds',
    help: 'Signing the tokens of one answer.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers,
  });
  return {
    tokensIssued: (grantType) => issued.inc({ grant: GRANT_LABELS[grantType] ?? 'other' }),
    refreshReused: (answer) => reuse.inc({ answer }),
    grantsRevoked: (reason, count) => revoked.inc({ reason }, count),
    signed: (durationMs) => signing.observe(durationMs / 1000),
  };
}
