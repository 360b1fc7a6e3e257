import { isDatabaseUnavailable } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { ErrorRequestHandler } from 'express';

/**
 * Says 503 when the database is away, for the error middleware after it: nobody then knows whether a credential holds, and
 * a gateway must not take that for a no.
 */
export function databaseUnavailable(): ErrorRequestHandler {
  return (error: unknown, _req, _res, next) => {
    next(isDatabaseUnavailable(error) ? away(error) : error);
  };
}

function away(cause: unknown): HttpError {
  return new HttpError(503, 'temporarily_unavailable', 'the database does not answer, try again in a moment', {
    reason: 'the database is away',
    headers: { 'Retry-After': '2' },
    cause,
  });
}
