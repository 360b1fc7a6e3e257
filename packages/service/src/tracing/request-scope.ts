import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  fieldsOf,
  headersOf,
  type RequestContext,
  type RequestFields,
  requestOpened,
  runInRequest,
} from './request-context.ts';
import { passiveTracer, type Span, type SpanAttributes } from './span.ts';
import { parseTraceparent, type TraceContext } from './trace-context.ts';
import type { Tracing } from './tracing.ts';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
export const REQUEST_ID_HEADER = 'x-request-id';

/** A caller's request id when it is plain text, or a new one. */
export function acceptRequestId(presented: string | string[] | undefined): string {
  return typeof presented === 'string' && REQUEST_ID.test(presented) ? presented : randomUUID();
}

/** A request from its arrival to its answer: its id, its place in a trace, and its span. */
export interface RequestScope {
  readonly requestId: string;
  /** Runs `work`, and all that it starts, as part of the request, until some seconds after `release`. */
  run<Result>(work: () => Result): Result;
  /** To be called when nothing is done for the request any more. Until then Node.js follows calls, which makes all of them dearer. */
  release(): void;
  /** For log lines of the request where the running code is not part of it. */
  readonly fields: RequestFields;
  /** As `propagationHeaders`, for calls to other services from there. */
  readonly headers: Readonly<Record<string, string>>;
  /** @param route - the pattern, not the path. @param status - what it was answered with */
  end(outcome: { route: string; status: number }): void;
}

/**
 * Opens the scope of a request, or of a request for a WebSocket: the caller's `X-Request-Id` and `traceparent` go on, or new ones
 * begin. The query is not in the span: it may carry tickets and codes.
 * @param options.isQuiet - of a probe, say: it has no span, and what is done for it is not followed
 */
export function openRequest(
  req: Pick<IncomingMessage, 'headers' | 'method' | 'url'>,
  { tracing, isQuiet = false }: { tracing: Tracing; isQuiet?: boolean },
): RequestScope {
  const requestId = acceptRequestId(req.headers[REQUEST_ID_HEADER]);
  const method = req.method ?? 'GET';
  const isRecorded = tracing.isOn && !isQuiet;
  const span = (isRecorded ? tracing : passiveTracer).startSpan(method, {
    kind: 'server',
    parent: parseTraceparent(req.headers.traceparent),
    ...(isRecorded ? { attributes: attributesOf(req, { method, requestId }) } : {}),
  });
  return new OpenRequest({ requestId, method, span, tracing, isQuiet, isRecorded });
}

interface OpenedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly span: Span;
  readonly tracing: Tracing;
  readonly isQuiet: boolean;
  readonly isRecorded: boolean;
}

/** A class, since every request has one: an object with getters of its own would take longer to make than all that is done with it. */
class OpenRequest implements RequestScope, RequestContext {
  readonly startedAt = new Date();
  readonly #opened: OpenedRequest;
  #release: (() => void) | undefined;

  constructor(opened: OpenedRequest) {
    this.#opened = opened;
  }

  get requestId(): string {
    return this.#opened.requestId;
  }

  get trace(): TraceContext {
    return this.#opened.span.context;
  }

  get span(): Span {
    return this.#opened.span;
  }

  get tracing(): Tracing {
    return this.#opened.tracing;
  }

  get fields(): RequestFields {
    return fieldsOf(this);
  }

  get headers(): Readonly<Record<string, string>> {
    return headersOf(this);
  }

  run<Result>(work: () => Result): Result {
    if (this.#opened.isQuiet) return work();
    this.#release ??= requestOpened();
    return runInRequest(this, work);
  }

  release(): void {
    this.#release?.();
  }

  end({ route, status }: { route: string; status: number }): void {
    const { span, method, isRecorded } = this.#opened;
    if (!isRecorded) return;
    span.rename(`${method} ${route}`);
    span.set({ 'http.route': route, 'http.response.status_code': status });
    if (status >= 500) span.fail(String(status));
    span.end();
  }
}

function attributesOf(
  { url = '/' }: Pick<IncomingMessage, 'url'>,
  { method, requestId }: { method: string; requestId: string },
): SpanAttributes {
  return {
    'http.request.method': method,
    'url.path': url.split('?', 1)[0] ?? '/',
    'http.request.header.x-request-id': [requestId],
  };
}
