import { isDatabaseUnavailable } from '@codex-gateways/database';
import { asHttpError, HttpError, ServiceUnavailableError } from '@codex-gateways/service';
import type { ErrorRequestHandler } from 'express';
import { HoldExpired } from './registration/hold-through-trouble.ts';

/** Whether an error says that something this service depends on is away and may come back by itself. */
export function isPassingTrouble(error: unknown): boolean {
  if (error instanceof HttpError) return error.status === 503;
  return error instanceof ServiceUnavailableError || error instanceof HoldExpired || isDatabaseUnavailable(error);
}

/** An error as a refusal when it is one or says that a dependency is away (503); undefined when it is our own fault. */
export function asRefusal(error: unknown): HttpError | undefined {
  const known = asHttpError(error);
  if (known) return known;
  return isPassingTrouble(error) ? unavailable(error) : undefined;
}

function unavailable(cause: unknown): HttpError {
  const reason = cause instanceof ServiceUnavailableError ? 'codex-auth is away' : 'the database is away';
  return new HttpError(
    503,
    'temporarily_unavailable',
    'the gateway cannot do this right now, because something it depends on does not answer; try again in a moment',
    { reason, headers: { 'Retry-After': '2' }, cause },
  );
}

/** Turns trouble of a dependency into a 503, for the error middleware that comes after it. */
export function unavailableMiddleware(): ErrorRequestHandler {
  return (error: unknown, _req, _res, next) => {
    next(asRefusal(error) ?? error);
  };
}

/** This replica shuts down; another one takes the call. */
export function draining(): HttpError {
  return new HttpError(503, 'draining', 'this server is shutting down; connect again', {
    headers: { 'Retry-After': '1' },
  });
}
