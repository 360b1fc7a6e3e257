import { inSpan, propagationHeaders, ServiceUnavailableError } from '@codex-gateways/service';
import { type Dispatcher, Pool } from 'undici';
import { startDeadline } from '../deadline.ts';
import { errorCodeOf } from '../error-code.ts';

const VERIFY_PATH = '/api/internal/codex/tokens/verify';
const CONNECTIONS = 32;
// A yes is two ids.
const MAX_ANSWER_BYTES = 16 * 1024;
const SPAN_ATTRIBUTES = { 'http.request.method': 'POST', 'peer.service': 'codex-auth' };
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
// What undici and the system say of a kept connection that the other side closed while we wrote to it.
const CLOSED_CONNECTION_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

export interface VerifierAnswer {
  readonly status: number;
  /** The parsed body of a 200; undefined with every other status, whose body is not read. */
  readonly body: unknown;
}

/** Puts one token to agentserver. A connection that was closed under the call is tried once more: asking changes nothing. */
export interface VerifierClient {
  /** @throws {ServiceUnavailableError} whenever there is no answer in time, or a 200 that is not a small JSON text */
  verify(token: string): Promise<VerifierAnswer>;
  close(): Promise<void>;
}

/** @param timeoutMs - for the whole exchange, waiting for a connection and a second try included */
export function createVerifierClient({
  agentserverUrl,
  agentserverSecret,
  timeoutMs,
}: {
  agentserverUrl: string;
  agentserverSecret: string;
  timeoutMs: number;
}): VerifierClient {
  const base = new URL(agentserverUrl);
  const path = `${base.pathname.replace(/\/+$/, '')}${VERIFY_PATH}`;
  const headers = { 'x-internal-secret': agentserverSecret, 'content-type': 'application/json' };
  const pool = new Pool(base.origin, {
    connections: CONNECTIONS,
    connect: { timeout: timeoutMs },
    keepAliveTimeout: 10_000,
  });
  const ask = async (body: string, signal: AbortSignal): Promise<VerifierAnswer> => {
    const answer = await pool.request({
      method: 'POST',
      path,
      headers: { ...propagationHeaders(), ...headers },
      body,
      signal,
    });
    const { statusCode: status } = answer;
    if (status === 200) return { status, body: await readSmallJson(answer) };
    // The status says it all, whatever comes behind it. Read to the end, so that the connection can be used again.
    void answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => undefined);
    return { status, body: undefined };
  };
  return {
    async verify(token) {
      const body = JSON.stringify({ token });
      const { signal: deadline, clear } = startDeadline(timeoutMs);
      try {
        return await inSpan('verify token', { kind: 'client', attributes: SPAN_ATTRIBUTES }, async (span) => {
          const answer = await ask(body, deadline).catch((error: unknown) => {
            if (!CLOSED_CONNECTION_CODES.has(errorCodeOf(error) ?? '')) throw error;
            return ask(body, deadline);
          });
          if (answer.status === 200) clear(); // behind another status there may be a body without end
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

async function readSmallJson({ headers, body }: Dispatcher.ResponseData): Promise<unknown> {
  const type = headers['content-type'];
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new RangeError(`an answer may have ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (typeof type !== 'string' || !JSON_TYPE.test(type)) throw new TypeError('the answer is not called JSON');
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
