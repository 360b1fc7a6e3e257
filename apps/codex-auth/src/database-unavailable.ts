import { isDatabaseUnavailable } from '@codex-gateways/database';
import { HttpError } from '@codex-gateways/service';
import type { ErrorRequestHandler } from 'express';
import { RedisUnavailableError } from './upstream-registration/redis-connection.ts';

/**
 * Says 503 when the database, or the Redis that keeps registrations, is away, for the error middleware after it: nobody then knows whether a credential holds, and
 * a gateway must not take that for a no.
 */
export function databaseUnavailable(): ErrorRequestHandler {
  return (error: unknown, _req, _res, next) => {
    const isAway = isDatabaseUnavailable(error) || error instanceof RedisUnavailableError;
    next(isAway ? away(error) : error);
  };
}

function away(cause: unknown): HttpError {
  return new HttpError(503, 'temporarily_unavailable', 'the database does not answer, try again in a moment', {
    reason: cause instanceof RedisUnavailableError ? cause.message : 'the database is away',
    headers: { 'Retry-After': '2' },
    cause,
  });
}
