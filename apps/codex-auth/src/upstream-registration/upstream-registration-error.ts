/**
 * Why this server has no client at an upstream:
 * - `not_configured`: the configuration names neither a client nor where to register one, or an address that may not be asked
 * - `unreachable`: no answer in time, or not one of HTTP
 * - `bad_metadata`: the metadata cannot be used, or is another issuer's (RFC 8414 §3.3)
 * - `unsupported`: it has no way to register, or no way of client authentication that this server has
 * - `refused`: the registration endpoint answered with an error (RFC 7591 §3.2.2)
 * - `bad_answer`: the registration endpoint answered with something that is no client
 */
export type UpstreamRegistrationProblem =
  | 'not_configured'
  | 'unreachable'
  | 'bad_metadata'
  | 'unsupported'
  | 'refused'
  | 'bad_answer';

/** There is no client for this upstream. The message is for the log: it quotes no secret, and nothing that the upstream sent. */
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
