import { isNativeError } from 'node:util/types';
import { AuthorizationResponseError, ResponseBodyError } from 'openid-client';
import { RedisUnavailableError } from '../upstream-registration/redis-connection.ts';
import { UpstreamRegistrationError } from '../upstream-registration/upstream-registration-error.ts';

/**
 * What went wrong at an identity provider:
 * - `unavailable`: no answer in time, an answer too large, or one that says "later"
 * - `invalid_grant`: the provider does not know the code, or the refresh token, any more
 * - `invalid_request`: the provider finds something wrong with what it was sent, which may come from the person's browser
 * - `mixed_up`: the answer is not, or not provably, of the provider that was asked (RFC 9207)
 * - `unusable`: the provider refuses this server, or its answer is not what it should be
 */
export type UpstreamProblem = 'unavailable' | 'invalid_grant' | 'invalid_request' | 'mixed_up' | 'unusable';

/** The message is for the log: it quotes no token and no code. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';

  constructor(
    readonly provider: string,
    readonly problem: UpstreamProblem,
    reason: string,
    cause?: unknown,
  ) {
    super(`identity provider ${provider}: ${reason}`, { cause });
  }
}

const MAX_REASON_LENGTH = 300;

/** Puts what the library throws into words. Faults of our own stay what they are. */
export function toUpstreamError(provider: string, error: unknown): unknown {
  const chain = causesOf(error);
  const known = chain.find((each) => each instanceof UpstreamError);
  if (known) return known;
  // Ours, and away: not what the provider did.
  if (chain.some((each) => each instanceof RedisUnavailableError)) return error;
  const unregistered = chain.find((each) => each instanceof UpstreamRegistrationError);
  if (unregistered) {
    const problem = unregistered.problem === 'unreachable' ? 'unavailable' : 'unusable';
    return new UpstreamError(provider, problem, unregistered.message);
  }
  const refusal = chain.find((each) => each instanceof ResponseBodyError || each instanceof AuthorizationResponseError);
  if (refusal) {
    const { error: code } = refusal;
    const problem = code === 'invalid_grant' || code === 'invalid_request' ? code : 'unusable';
    // A code and no more: other words may be what the provider was sent.
    return new UpstreamError(
      provider,
      problem,
      `refused with ${/^[a-z_]{1,60}$/i.test(code) ? code : 'no error code'}`,
    );
  }
  if (!chain.some((each) => 'code' in each && /^(OAUTH|ERR)_/.test(String(each.code)))) return error;
  // Causes may be whole answers, so messages alone are passed on.
  const reasons = [...new Set(chain.map(({ message }) => printable(message)))];
  return new UpstreamError(provider, 'unusable', reasons.join(': ').slice(0, MAX_REASON_LENGTH));
}

/** The error and what caused it, outermost first. */
function causesOf(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let each = error; isNativeError(each) && chain.length < 8; each = each.cause) chain.push(each);
  return chain;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, ' ').slice(0, MAX_REASON_LENGTH);
}
