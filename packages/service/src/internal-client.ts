import { type Dispatcher, Pool } from 'undici';

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

/** A pooled client of one other service. */
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
}: {
  baseUrl: string;
  headers?: Readonly<Record<string, string>>;
  timeoutMs?: number;
  connections?: number;
}): InternalClient {
  const base = new URL(baseUrl);
  const basePath = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, { connections, connect: { timeout: timeoutMs }, keepAliveTimeout: 10_000 });
  return {
    async request({ method, path, body, headers: extra = {}, signal }) {
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await pool.request({
          method,
          path: `${basePath}${path}`,
          headers: { ...headers, ...extra, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
          body: body === undefined ? null : JSON.stringify(body),
          signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
        });
        return { status: answer.statusCode, body: await readJson(answer) };
      } catch (cause) {
        throw new ServiceUnavailableError(`${method} ${base.origin} gave no usable answer`, { cause });
      }
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
