import { RequestStorage } from './request-storage.ts';
import { errorTypeOf, passiveSpan, type Span, type SpanAttributes, type SpanKind } from './span.ts';
import { formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts';
import type { Tracing } from './tracing.ts';

/** What is known of the request that the running code works for. */
export interface RequestContext {
  readonly requestId: string;
  readonly startedAt: Date;
  /** The span that the running code is in. */
  readonly trace: TraceContext;
  /** The span of the request itself. */
  readonly span: Span;
  readonly tracing: Tracing;
}

/** The names under which a request's log lines are found, in every service. */
export interface RequestFields {
  readonly request_id: string;
  readonly trace_id: string;
}

// The one place that follows asynchronous calls. It holds nothing itself: each request brings its own context.
const storage = new RequestStorage<RequestContext>();

/**
 * A request is open from now on, and what is done for it is followed.
 * @returns says that it no longer is
 */
export function requestOpened(): () => void {
  return storage.open();
}

/** Runs `work`, and all that it starts, as part of a request. */
export function runInRequest<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** Runs `work` as part of no request: for what goes on after the request that happened to begin it. */
export function runOutsideRequests<Result>(work: () => Result): Result {
  return storage.exit(work);
}

/** Fields for log lines of the request that is being worked for; undefined outside of requests. */
export function requestFields(): RequestFields | undefined {
  const context = storage.current;
  return context && fieldsOf(context);
}

export function fieldsOf({ requestId, trace }: RequestContext): RequestFields {
  return { request_id: requestId, trace_id: trace.traceId };
}

/** The id of the request that is being worked for. */
export function currentRequestId(): string | undefined {
  return storage.current?.requestId;
}

/** The `traceparent` of what is being done, to be kept where a later request goes on with it. */
export function currentTraceparent(): string | undefined {
  const context = storage.current;
  return context && formatTraceparent(context.trace);
}

/** As `currentTraceparent`, only when this trace is being recorded. */
export function recordedTraceparent(): string | undefined {
  return storage.current?.trace.isSampled ? currentTraceparent() : undefined;
}

/** What a call to another service of ours carries: `X-Request-Id` and `traceparent`. Nothing outside of requests. */
export function propagationHeaders(): Readonly<Record<string, string>> {
  const context = storage.current;
  return context ? headersOf(context) : {};
}

export function headersOf({ requestId, trace }: RequestContext): Readonly<Record<string, string>> {
  return { 'x-request-id': requestId, traceparent: formatTraceparent(trace) };
}

/** Begins a span below what is being done, without making it the place of what follows. */
export function beginSpan(
  name: string,
  { kind = 'internal', attributes = {} }: { kind?: SpanKind; attributes?: SpanAttributes } = {},
): Span | undefined {
  const context = storage.current;
  if (!context?.tracing.isOn) return undefined;
  return context.tracing.startSpan(name, { kind, parent: context.trace, attributes });
}

/** Does something within a span of its own, which fails when it throws. */
export async function inSpan<Result>(
  name: string,
  options: { kind?: SpanKind; attributes?: SpanAttributes },
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  const context = storage.current;
  const span = context && beginSpan(name, options);
  if (!span) return work(passiveSpan(context?.trace ?? NO_TRACE));
  return runToEnd(span, contextIn(span, context), work);
}

/**
 * Goes on with the trace of an earlier request, whose `traceparent` was kept: what is done is a span of that trace, as long as this
 * request, and the request's own span links to it. Without one it is a span of this request.
 */
export async function continueTrace<Result>(
  kept: string | undefined,
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const context = storage.current;
  const parent = parseTraceparent(kept);
  if (!context || !parent || parent.traceId === context.trace.traceId) return inSpan(name, {}, work);
  const { span: requestSpan, startedAt, tracing } = context;
  requestSpan.link(parent);
  const span = tracing.startSpan(name, { kind: 'internal', parent, links: [requestSpan.context], startedAt });
  return runToEnd(span, contextIn(span, context), work);
}

/** The same request, in a span of its own. */
function contextIn({ context: trace }: Span, { requestId, startedAt, span, tracing }: RequestContext): RequestContext {
  return { requestId, startedAt, trace, span, tracing };
}

async function runToEnd<Result>(
  span: Span,
  context: RequestContext,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  try {
    return await storage.run(context, () => work(span));
  } catch (error) {
    span.fail(errorTypeOf(error));
    throw error;
  } finally {
    span.end();
  }
}

const NO_TRACE: TraceContext = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), isSampled: false };
