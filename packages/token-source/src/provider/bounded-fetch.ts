import { abortAfter } from '@codex-gateways/runtime';
import { messageOf, TokenSourceError } from '../errors.ts';

/** What the provider is asked through; `fetch` of Node.js, or one that goes through a company's proxy. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array | null;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

export interface HttpOptions {
  readonly fetch?: Fetch | undefined;
  /** The whole exchange with the provider, connecting and the body included. */
  readonly requestTimeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 15_000;
/** A JWKS or a token answer is a few KiB. */
const MAX_ANSWER_BYTES = 1_048_576;

/** No answer, or none that means anything: nothing is known of what the provider did. */
export class UnreachableError extends TokenSourceError {
  /** Of the answer, if one came. */
  readonly status: number | undefined;

  constructor(message: string, details: { cause?: unknown; status?: number; requestId?: string | undefined }) {
    super('provider_unreachable', message, details);
    this.status = details.status;
  }
}

export type WholeRequest = Omit<FetchInit, 'signal' | 'redirect'> & { readonly signal?: AbortSignal };

/**
 * One exchange with a deadline and a limit for the answer, which is there whole when the promise settles. Redirects are not
 * followed.
 * @throws {UnreachableError} when no answer comes
 */
export async function fetchWhole(url: string, init: WholeRequest, options: HttpOptions = {}): Promise<Response> {
  const { fetch = globalFetch, requestTimeoutMs = DEFAULT_TIMEOUT_MS } = options;
  return exchange(fetch, url, { ...init, redirect: 'manual', signal: abortAfter(requestTimeoutMs, init.signal) });
}

/** As {@link fetchWhole}. @throws {UnreachableError} also for 5xx and 429: those say nothing about the request */
export function boundedFetch(options: HttpOptions) {
  return async (url: string, { body, ...init }: Omit<WholeRequest, 'body'> & { body?: unknown }): Promise<Response> => {
    const answer = await fetchWhole(url, { ...init, body: bodyOf(body) }, options);
    if (answer.status < 500 && answer.status !== 429) return answer;
    throw new UnreachableError(`${new URL(url).origin} answers ${answer.status} for now`, {
      status: answer.status,
      requestId: requestIdOf(answer),
    });
  };
}

/** How the provider's operator finds the request in the logs. */
export function requestIdOf(answer: Response): string | undefined {
  return /^[\w.:-]{1,128}$/.exec(answer.headers.get('x-request-id') ?? '')?.[0];
}

async function exchange(fetch: Fetch, url: string, init: FetchInit): Promise<Response> {
  try {
    const answer = await fetch(url, init);
    const body = await readLimited(answer);
    const { status, statusText, headers } = answer;
    return new Response(isBodyless(status) ? null : body, { status, statusText, headers });
  } catch (cause) {
    const { origin } = new URL(url);
    const why = init.signal.aborted ? 'no answer in time' : reasonOf(cause);
    throw new UnreachableError(`${origin} cannot be reached: ${why}`, { cause });
  }
}

async function readLimited(answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}

function isBodyless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function bodyOf(body: unknown): string | null {
  return body === undefined || body === null ? null : String(body); // URLSearchParams, the only kind that is sent here
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  return messageOf(cause ?? error);
}

const globalFetch: Fetch = (url, init) => fetch(url, init as RequestInit);
