import { asHttpError, type Logger, requestIdOf } from '@codex-gateways/service';
import type { ErrorRequestHandler } from 'express';

/**
 * Errors that codex-auth may put on the wire. Source: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591
 * §3.2.2, RFC 8628 §3.5, OpenID Connect Core §3.1.2.6; the three of refresh tokens are the Codex CLI's (docs/protocol.md).
 */
export const STATUS_OF = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  invalid_scope: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  unsupported_response_type: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  authorization_pending: 400,
  slow_down: 400,
  access_denied: 400,
  expired_token: 400,
  login_required: 400,
  consent_required: 400,
  request_not_supported: 400,
  request_uri_not_supported: 400,
  refresh_token_expired: 401,
  refresh_token_reused: 401,
  refresh_token_invalidated: 401,
} as const;

export type OAuthErrorCode = keyof typeof STATUS_OF;

/** A refusal that the protocol defines. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  /** For the client's developer: never which of unknown, expired or revoked it was. */
  readonly description: string;
  readonly headers: Readonly<Record<string, string>>;

  /** @param reason - for our log: what really happened; never sent */
  constructor(
    code: OAuthErrorCode,
    description: string,
    { reason = description, headers = {} }: { reason?: string; headers?: Record<string, string> } = {},
  ) {
    super(reason);
    this.code = code;
    this.description = description;
    this.headers = headers;
  }

  get status(): number {
    return STATUS_OF[this.code];
  }

  toJSON() {
    return { error: this.code, error_description: this.description };
  }
}

/** The end of every OAuth route chain (RFC 6749 §5.2): one form for our refusals, for bodies that cannot be read, and for our faults. */
export function oauthErrors({ log }: { log: Logger }): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    const refusal = asHttpError(error);
    const isKnown = error instanceof OAuthError || refusal !== undefined;
    if (!isKnown) log.error({ err: error, request_id: requestIdOf(req) }, 'request failed');
    if (res.headersSent) {
      res.destroy();
      return;
    }
    res.set('Cache-Control', 'no-store');
    if (error instanceof OAuthError) {
      res.locals.refusal = `${error.code}: ${error.message}`;
      res.status(error.status).set(error.headers).json(error);
    } else if (refusal) {
      res.status(refusal.status).set(refusal.headers);
      res.json({ error: refusal.code, error_description: refusal.message });
    } else {
      res.status(500).json({ error: 'server_error', error_description: `internal error, request ${requestIdOf(req)}` });
    }
  };
}
