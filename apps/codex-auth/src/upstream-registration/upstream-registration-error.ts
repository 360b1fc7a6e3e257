/**
 * Why this server has no client at an upstream:
 * - `not_configured`: the configuration names neither a client nor where to register one, or an address that may not be asked
 * - `unreachable`: no answer in time, or one that says "later" (5xx, 429)
 * - `bad_metadata`: the metadata cannot be used, or is another issuer's (RFC 8414 §3.3)
 * - `unsupported`: it has no way to register, or no way of client authentication that this server has
 * - `refused`: the registration endpoint refuses (RFC 7591 §3.2.2)
 * - `bad_answer`: the registration endpoint answers with something that is no client
 */
export type UpstreamRegistrationProblem =
  | 'not_configured'
  | 'unreachable'
  | 'bad_metadata'
  | 'unsupported'
  | 'refused'
  | 'bad_answer';

/** There is no client for this upstream. The message is for the log: it quotes no secret. */
export class UpstreamRegistrationError extends Error {
  override readonly name = 'UpstreamRegistrationError';

  constructor(
    /** Of the configuration entry. */
    readonly upstream: string,
    readonly problem: UpstreamRegistrationProblem,
    reason: string,
    cause?: unknown,
  ) {
    super(`upstream ${upstream}: ${reason}`, { cause });
  }
}

const MAX_QUOTE_LENGTH = 120;

/** What an upstream sent, fit for a log line. */
export function quoted(text: unknown): string {
  return typeof text === 'string' ? text.slice(0, MAX_QUOTE_LENGTH).replace(/[^\x20-\x7e]/g, '?') : typeof text;
}
