/**
 * What can go wrong on the way to an access token; the `code` of a {@link TokenSourceError}. What each asks of the person:
 *
 * | code                    | means                                                              | what helps            |
 * | ----------------------- | ------------------------------------------------------------------ | --------------------- |
 * | not_signed_in           | nothing is stored, and no login is allowed here                    | sign in               |
 * | sign_in_again           | the provider refuses the stored refresh token for good             | sign in               |
 * | provider_unreachable    | no answer, or one that says "not now" (5xx, 429)                   | try again             |
 * | provider_invalid        | an answer that breaks the protocol, or an ID token that is not ours | look at the issuer   |
 * | login_refused           | the person or the provider said no                                 |                       |
 * | login_timed_out         | nobody finished the login in time                                  | try again             |
 * | login_cancelled         | the caller's signal was aborted                                    |                       |
 * | callback_port_taken     | another program listens on the callback port                       | another port          |
 * | secrets_unavailable     | no place to keep tokens, or it does not work                       | what the message says |
 * | secrets_unreadable      | what is stored does not open, or its file may be read by others    | what the message says |
 * | secrets_read_only       | the place cannot be written to                                     | another place         |
 * | locked                  | another process kept the lock too long                             | look at that process  |
 */
export type TokenSourceErrorCode =
  | 'not_signed_in'
  | 'sign_in_again'
  | 'provider_unreachable'
  | 'provider_invalid'
  | 'login_refused'
  | 'login_timed_out'
  | 'login_cancelled'
  | 'callback_port_taken'
  | 'secrets_unavailable'
  | 'secrets_unreadable'
  | 'secrets_read_only'
  | 'locked';

export interface TokenSourceErrorDetails {
  readonly cause?: unknown;
  readonly requestId?: string | undefined;
  readonly providerCode?: string | undefined;
}

/** An expected failure: the message is for the person, the code for programs. Neither ever contains a token. */
export class TokenSourceError extends Error {
  override readonly name = 'TokenSourceError';
  /** What the provider calls the request that failed, for its operator's logs. */
  readonly requestId: string | undefined;
  /** The provider's own word for it, such as `invalid_grant`, when it refused. */
  readonly providerCode: string | undefined;

  constructor(
    readonly code: TokenSourceErrorCode,
    message: string,
    { cause, requestId, providerCode }: TokenSourceErrorDetails = {},
  ) {
    super(message, { cause });
    this.requestId = requestId;
    this.providerCode = providerCode;
  }
}

/** Whether an error of the file system has one of these codes, such as `ENOENT`. */
export function hasSystemCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && codes.includes(code);
}

/** What an error says of itself, for the middle of a longer message. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message).slice(0, 300);
}
