import type { Duplex } from 'node:stream';
import {
  HttpError,
  type Logger,
  type RequestScope,
  refuseUpgrade,
  ServiceUnavailableError,
} from '@codex-gateways/service';
import { AppServerUnavailableError } from '../app-server/app-server.ts';
import { CircuitOpenError } from '../authentication/circuit-breaker.ts';

/** Never sent; the label under which a client that left is counted. */
const CLIENT_LEFT_STATUS = 499;

/** The client left before it could be answered. */
export function clientLeft(): HttpError {
  return new HttpError(CLIENT_LEFT_STATUS, 'client_left', 'the client left');
}

/** Nothing is wrong with the client's request: it may try again. */
export function unavailable(code: string, message: string, retryAfterSeconds = 5): HttpError {
  return new HttpError(503, code, message, { headers: { 'Retry-After': String(retryAfterSeconds) } });
}

/**
 * Answers an upgrade with the status and words of the error that ended it. An unknown error is our fault: 500, without a
 * word about it but the request id under which it is logged.
 * @returns the status
 */
export function refuseWith(
  error: unknown,
  { scope, socket, log }: { scope: Pick<RequestScope, 'requestId' | 'fields'>; socket: Duplex; log: Logger },
): number {
  const { requestId, fields } = scope;
  const known = asRefusal(error);
  if (!known) log.error({ ...fields, err: error }, 'upgrade failed');
  else if (known.status === 503) log.warn({ ...fields, err: error }, 'a client could not be served');
  else log.info({ ...fields, status: known.status, code: known.code }, 'upgrade refused');
  const answer = known ?? new HttpError(500, 'internal_error', `internal error, request ${requestId}`);
  if (answer.status === CLIENT_LEFT_STATUS) socket.destroy();
  else refuseUpgrade(socket, answer);
  return answer.status;
}

/** An error as a refusal, when it is one or says that something that is needed is away; undefined when it is our own fault. */
export function asRefusal(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof AppServerUnavailableError) {
    return unavailable('app_server_unavailable', error.message, error.retryAfterSeconds);
  }
  if (error instanceof ServiceUnavailableError) {
    const retryAfterSeconds = error instanceof CircuitOpenError ? error.retryAfterSeconds : undefined;
    return unavailable('verifier_unavailable', 'the service that verifies tokens does not answer', retryAfterSeconds);
  }
  return undefined;
}
