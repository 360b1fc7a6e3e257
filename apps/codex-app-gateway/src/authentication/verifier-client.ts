import { inSpan, propagationHeaders, ServiceUnavailableError } from '@codex-gateways/service';
import { Pool } from 'undici';
import { errorCodeOf } from '../error-code.ts';
import { VerificationCall, type VerifierAnswer } from './verification-call.ts';

const VERIFY_PATH = '/api/internal/codex/tokens/verify';
const CONNECTIONS = 32;
const SPAN_ATTRIBUTES = { 'http.request.method': 'POST', 'peer.service': 'codex-auth' };
// What undici and the system say of a kept connection that the other side closed while we wrote to it.
const CLOSED_CONNECTION_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Puts one token to agentserver. A connection that was closed under the call is tried once more: asking changes nothing. */
export interface VerifierClient {
  /**
   * @param headers - of the request that it is asked for, when the running code is not part of it
   * @throws {ServiceUnavailableError} whenever there is no answer in time, or a 200 that is not a small JSON text
   */
  verify(token: string, headers?: Readonly<Record<string, string>>): Promise<VerifierAnswer>;
  close(): Promise<void>;
}

/**
 * @param timeoutMs - for the whole exchange, waiting for a connection and a second try included
 * @param onUnauthorized - told the body of each 401 that has a small JSON text
 */
export function createVerifierClient({
  agentserverUrl,
  agentserverSecret,
  timeoutMs,
  onUnauthorized,
}: {
  agentserverUrl: string;
  agentserverSecret: string;
  timeoutMs: number;
  onUnauthorized: (body: unknown) => void;
}): VerifierClient {
  const base = new URL(agentserverUrl);
  const path = `${base.pathname.replace(/\/+$/, '')}${VERIFY_PATH}`;
  const pool = new Pool(base.origin, {
    connections: CONNECTIONS,
    connect: { timeout: timeoutMs },
    keepAliveTimeout: 10_000,
    ...{ headersTimeout: 0, bodyTimeout: 0 }, // a call has a timeout of its own
  });
  const ask = (token: string, headers: Readonly<Record<string, string>>, endsAtMs: number) => {
    const call = new VerificationCall(Math.max(0, endsAtMs - performance.now()), onUnauthorized);
    pool.dispatch({ method: 'POST', path, headers, body: JSON.stringify({ token }) }, call);
    return call.answer;
  };
  return {
    async verify(token, given = {}) {
      const endsAtMs = performance.now() + timeoutMs;
      try {
        return await inSpan('verify token', { kind: 'client', attributes: SPAN_ATTRIBUTES }, async (span) => {
          const headers = {
            'content-type': 'application/json',
            ...given,
            ...propagationHeaders(),
            'x-internal-secret': agentserverSecret,
          };
          const answer = await ask(token, headers, endsAtMs).catch((error: unknown) => {
            if (!CLOSED_CONNECTION_CODES.has(errorCodeOf(error) ?? '')) throw error;
            return ask(token, headers, endsAtMs);
          });
          span.set({ 'http.response.status_code': answer.status });
          return answer;
        });
      } catch (cause) {
        throw new ServiceUnavailableError('the token verifier gave no usable answer', { cause });
      }
    },
    close: () => pool.close(),
  };
}
