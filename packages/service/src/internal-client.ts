import { withinDeadline } from '@codex-gateways/runtime';
import { type Dispatcher, Pool } from 'undici';
import { inSpan, propagationHeaders } from './tracing/request-context.ts';

/** The other service gave no answer that could be used: away, slow, too large, or not JSON. The caller may try later. */
export class ServiceUnavailableError extends Error {
  override readonly name = 'ServiceUnavailableError';
}

export interface InternalRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query below the base URL. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface InternalAnswer {
  readonly status: number;
  /** The parsed body; undefined when there is none. */
  readonly body: unknown;
}

/** Learns how calls to another service go. */
export interface CallObserver {
  /** @param status - undefined when there was no usable answer */
  called(call: { peer: string; status: number | undefined; durationMs: number }): void;
}

/** A pooled client of one other service. Calls carry the id and the trace of the request that they are made for. */
export interface InternalClient {
  /** @throws {ServiceUnavailableError} whenever there is no usable answer; any status is an answer */
  request(request: InternalRequest): Promise<InternalAnswer>;
  close(): Promise<void>;
}

const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * @param baseUrl - may have a path, which is kept
 * @param headers - sent with every request, the shared secret among them
 * @param timeoutMs - for the whole exchange, connecting included
 */
export function createInternalClient({
  baseUrl,
  headers = {},
  timeoutMs = 5000,
  connections = 32,
  peer = 'other',
  observer,
}: {
  baseUrl: string;
  headers?: Readonly<Record<string, string>>;
  timeoutMs?: number;
  connections?: number;
  /** The other service's name in metrics and traces. */
  peer?: string;
  observer?: CallObserver | undefined;
}): InternalClient {
  const base = new URL(baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, { connections, connect: { timeout: timeoutMs }, keepAliveTimeout: 10_000 });
  const exchange = async (call: InternalRequest) => {
    try {
      return await withinDeadline({ timeoutMs, other: call.signal }, (signal) => send(call, signal));
    } catch (cause) {
      throw new ServiceUnavailableError(`${call.method} ${base.origin} gave no usable answer`, { cause });
    }
  };
  const send = async ({ method, path, body, headers: extra = {} }: InternalRequest, signal: AbortSignal) => {
    const answer = await pool.request({
      method,
      path: `${basePath}${path}`,
      headers: {
        ...propagationHeaders(),
        ...headers,
        ...extra,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
    return { status: answer.statusCode, body: await readJson(answer) };
  };
  const attributes = { 'server.address': base.hostname, 'peer.service': peer };
  return {
    request: (request) => {
      const { method } = request;
      const options = { kind: 'client', attributes: { ...attributes, 'http.request.method': method } } as const;
      return inSpan(`${method} ${peer}`, options, async (span) => {
        const startedAtMs = performance.now();
        let status: number | undefined;
        try {
          const answer = await exchange(request);
          status = answer.status;
          span.set({ 'http.response.status_code': status });
          if (status >= 400) span.fail(String(status));
          return answer;
        } finally {
          observer?.called({ peer, status, durationMs: performance.now() - startedAtMs });
        }
      });
    },
    close: () => pool.close(),
  };
}

async function readJson(answer: Dispatcher.ResponseData): Promise<unknown> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new RangeError(`an answer may have ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return sizeBytes === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
