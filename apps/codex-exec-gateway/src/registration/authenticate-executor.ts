import { HttpError } from '@codex-gateways/service';
import type { Request } from 'express';
import {
  type AgentserverValidator,
  type ExecutorCredentials,
  parseExecutorCredentials,
} from './agentserver-validator.ts';

/** The credentials of a request as sent. @throws {HttpError} 401 when there are none */
export function readCredentials(req: Request): ExecutorCredentials {
  const accountId = req.headers['chatgpt-account-id'];
  const credentials = parseExecutorCredentials({
    authorization: req.headers.authorization,
    accountId: typeof accountId === 'string' ? accountId : undefined,
  });
  if (!credentials) throw refusedCredentials('missing or malformed');
  return credentials;
}

/**
 * The user whose credentials these are.
 * @throws {HttpError} 401 when they were refused; 503 when this gateway was
 * @throws {ServiceUnavailableError} when nobody knows
 */
export async function authenticateExecutor(
  validator: Pick<AgentserverValidator, 'validate'>,
  credentials: ExecutorCredentials,
  signal: AbortSignal,
): Promise<string> {
  const outcome = await validator.validate(credentials, signal);
  if (outcome.kind === 'refused') throw refusedCredentials('refused by the validator');
  if (outcome.kind === 'own_secret_refused') throw refusedSecret();
  return outcome.userId;
}

// The CLI prints these messages to the person who started it: each says what to do next.
function refusedCredentials(reason: string): HttpError {
  return new HttpError(
    401,
    'invalid_credentials',
    'these credentials are not accepted; sign in again with "codex login", or add a new connector and use the CODEX_ACCESS_TOKEN that it shows',
    { reason, headers: { 'WWW-Authenticate': 'Bearer' } },
  );
}

// Whoever runs the gateway mends it, and until then it is as if codex-auth were away.
function refusedSecret(): HttpError {
  return new HttpError(
    503,
    'temporarily_unavailable',
    'the gateway cannot check credentials right now, whoever shows them; tell its operator, and try again when it is mended',
    { reason: "codex-auth refuses this gateway's own secret", headers: { 'Retry-After': '5' } },
  );
}

export function notOwner(): HttpError {
  return new HttpError(
    403,
    'not_owner',
    'this executor belongs to another user; sign in as its owner, or add a connector of your own and use its environment id',
  );
}
