import { HttpError, ServiceUnavailableError } from '@codex-gateways/service';
import { ExecGatewayRefusal } from './exec-gateway.ts';

/** What a stranger to a workspace is told, whether or not it exists. */
export function noSuchWorkspace(): HttpError {
  return new HttpError(404, 'not_found', 'there is no such workspace');
}

/**
 * An error of exec-gateway as what a person is told: 503 with words. Any other error as it is.
 * @param consequence - what therefore did not happen
 */
export function asRefusal(error: unknown, consequence: string): unknown {
  if (!(error instanceof ServiceUnavailableError || error instanceof ExecGatewayRefusal)) return error;
  return new HttpError(
    503,
    'exec_gateway_unavailable',
    `codex-exec-gateway does not answer as it should; ${consequence}, try again later`,
    { reason: error.message, headers: { 'Retry-After': '5' }, cause: error },
  );
}
