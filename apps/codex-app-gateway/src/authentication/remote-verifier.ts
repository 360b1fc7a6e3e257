import { NotReadyError, type OwnSecret, ServiceUnavailableError } from '@codex-gateways/service';
import { z } from 'zod';
import { type AuthenticationOutcome, type Authenticator, isCallerId, MAX_BEARER_LENGTH } from './authenticator.ts';
import { CircuitBreaker, CircuitOpenError } from './circuit-breaker.ts';
import type { VerifierAnswer } from './verification-call.ts';
import { createVerifierClient } from './verifier-client.ts';

const MAX_BACK_OFF_MS = 30_000;
// No remote token has this form, so the answer is a quick no that still passed the other side's whole way.
const PROBE_TOKEN = 'readiness-probe';

const callerId = z.string().refine(isCallerId);
const verifiedSchema = z.object({ workspace_id: callerId, user_id: callerId });

export interface RemoteVerifierOptions {
  readonly agentserverUrl: string;
  readonly agentserverSecret: string;
  /** For one verification, a retry included. */
  readonly timeoutMs: number;
  /** Failures in a row after which agentserver is not asked for a while. */
  readonly breakerFailures: number;
  /** The first such while; it doubles up to half a minute. */
  readonly breakerBackOffMs: number;
  /** A steady clock, by which the while is measured. */
  readonly nowMs?: () => number;
}

/**
 * Asks agentserver (here: codex-auth) about each bearer, so that this service keeps nothing of tokens and a revoked one
 * is refused at once. 401 is a no; a yes names workspace and user; anything else is no answer at all. While agentserver is down it
 * is not asked but for a probe now and then. See docs/protocol.md.
 */
export function createRemoteVerifier(options: RemoteVerifierOptions, ownSecret: OwnSecret): Authenticator {
  const { breakerFailures, breakerBackOffMs, nowMs = () => performance.now(), ...rest } = options;
  const client = createVerifierClient({ ...rest, onUnauthorized: (body) => ownSecret.unauthorized(body) });
  const breaker = new CircuitBreaker({
    failureThreshold: breakerFailures,
    backOffMs: breakerBackOffMs,
    maxBackOffMs: Math.max(MAX_BACK_OFF_MS, breakerBackOffMs),
    nowMs,
  });
  const ask = async (token: string, headers?: Readonly<Record<string, string>>) => {
    const answer = await client.verify(token, headers);
    if (answer.status === 200) ownSecret.taken();
    return interpret(answer);
  };
  return {
    async authenticate(token, headers) {
      if (token.length > MAX_BEARER_LENGTH) return { kind: 'unauthorized' };
      return outcomeOf(await breaker.run(() => ask(token, headers)));
    },
    async checkReady() {
      // While all is well it is no evidence: what works for it need not work for real tokens. After a fall it may be the probe, since
      // a service that is not ready gets no other calls.
      const isClosed = breaker.state === 'closed';
      const answer = await (isClosed ? ask(PROBE_TOKEN) : breaker.run(() => ask(PROBE_TOKEN))).catch(asNotReady);
      outcomeOf(answer);
      if (ownSecret.isRefused) throw new NotReadyError('secret_refused');
    },
    breakerState: () => breaker.state,
    close: () => client.close(),
  };
}

/** An answer of a service that works; `refused`: it does not take this call, which says nothing of the token. */
type Interpretation = AuthenticationOutcome | { readonly kind: 'refused'; readonly status: number };

/** @throws {ServiceUnavailableError} for what a service that works does not say */
function interpret({ status, body }: VerifierAnswer): Interpretation {
  if (status === 401) return { kind: 'unauthorized' };
  if (status >= 400 && status < 500) return { kind: 'refused', status };
  const verified = status === 200 ? verifiedSchema.safeParse(body) : undefined;
  if (!verified?.success) {
    throw new ServiceUnavailableError(`the token verifier answered ${status} with nothing that can be used`);
  }
  const { workspace_id: workspaceId, user_id: userId } = verified.data;
  return { kind: 'authenticated', caller: { workspaceId, userId } };
}

function outcomeOf(answer: Interpretation): AuthenticationOutcome {
  if (answer.kind !== 'refused') return answer;
  throw new ServiceUnavailableError(`the token verifier answered ${answer.status}`);
}

function asNotReady(error: unknown): never {
  throw error instanceof CircuitOpenError ? new NotReadyError('circuit_open', { cause: error }) : error;
}
