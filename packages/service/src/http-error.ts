import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from './logger.ts';
import { requestIdOf } from './request-log.ts';

/**
 * A refusal with a status, a code for programs and a message for the person who reads it. Every protocol but OAuth
 * uses it; only the error middleware turns it into a response.
 */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;
  /** For logs: what really happened. Never sent. */
  readonly reason: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    { reason, headers = {}, cause }: { reason?: string; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.code = code;
    this.reason = reason;
    this.headers = headers;
  }
}

/** How a protocol writes an error body. */
export type ErrorForm = (error: HttpError) => unknown;

/** `{"error":{"code","message"}}`: `/api/*` and the registry; the Codex CLI prints the message. */
export const objectErrorForm: ErrorForm = (error) => ({ error: { code: error.code, message: error.message } });
/** `{"error":"<code>"}`: calls between services. */
export const codeErrorForm: ErrorForm = (error) => ({ error: error.code });

/**
 * The end of every route chain: an HttpError is answered as it is; a body that express could not read is a 4xx; anything
 * else is our own fault, logged whole once and answered 500 without a word about it.
 */
export function errorMiddleware({ form, log }: { form: ErrorForm; log: Logger }): ErrorRequestHandler {
  return (error: unknown, req: Request, res: Response, _next) => {
    const known = asHttpError(error);
    if (!known) log.error({ err: error, request_id: requestIdOf(req) }, 'request failed');
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const answer = known ?? new HttpError(500, 'internal_error', `internal error, request ${requestIdOf(req)}`);
    if (known?.reason) res.locals.refusal = known.reason;
    res.status(answer.status).set(answer.headers).set('Cache-Control', 'no-store').json(form(answer));
  };
}

/** What nobody serves, in the protocol's own form. */
export function notFound(): RequestHandler {
  return () => {
    throw new HttpError(404, 'not_found', 'there is nothing at this path');
  };
}

// Errors that express and its body parsers raise for a client's mistake carry a 4xx status; their messages may quote
// the body, so only the kind is passed on.
const BODY_ERRORS: Readonly<Record<string, string>> = {
  'entity.too.large': 'the request body is too large',
  'entity.parse.failed': 'the request body is not valid JSON',
  'encoding.unsupported': 'the content encoding is not supported',
  'charset.unsupported': 'the charset is not supported',
  'parameters.too.many': 'the form has too many parameters',
  'request.aborted': 'the request was aborted',
  'request.size.invalid': 'the request body does not match its content-length',
};

/** The error as an HttpError when it is one, or when express raised it for a client's mistake; otherwise undefined. */
export function asHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  if (error.status < 400 || error.status > 499) return undefined;
  const type = 'type' in error && typeof error.type === 'string' ? error.type : '';
  return new HttpError(error.status, 'invalid_request', BODY_ERRORS[type] ?? 'the request could not be read');
}
