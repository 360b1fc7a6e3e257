import { newTraceContext, type TraceContext } from './trace-context.ts';

export type SpanKind = 'server' | 'client' | 'internal';
export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface SpanOptions {
  readonly kind: SpanKind;
  /** Undefined for the first span of a trace. */
  readonly parent: TraceContext | undefined;
  readonly attributes?: SpanAttributes;
  /** Spans of other traces that this one belongs to. */
  readonly links?: readonly TraceContext[];
  /** When it began, if not now. */
  readonly startedAt?: Date | undefined;
}

/** Something that takes time and has a place in a trace. */
export interface Span {
  readonly context: TraceContext;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  link(other: TraceContext): void;
  /** @param errorType - of few values: a class of errors, a code or a status. No messages, since they may quote what people sent */
  fail(errorType: string): void;
  end(): void;
}

/** Makes spans. */
export interface Tracer {
  startSpan(name: string, options: SpanOptions): Span;
}

/** Spans that nobody records; the trace of a caller goes on all the same. */
export const passiveTracer: Tracer = {
  startSpan: (_name, { parent }) => new PassiveSpan(parent),
};

/** A span that is not recorded. */
export function passiveSpan(context: TraceContext): Span {
  return new PassiveSpan(context);
}

/** The ids of one that begins a trace are drawn only when something asks for them: they cost more than the rest of a span. */
class PassiveSpan implements Span {
  #context: TraceContext | undefined;

  constructor(context: TraceContext | undefined) {
    this.#context = context;
  }

  get context(): TraceContext {
    this.#context ??= newTraceContext();
    return this.#context;
  }

  // Nobody would see what is said of it.
  rename(): void {}
  set(): void {}
  link(): void {}
  fail(): void {}
  end(): void {}
}

/** The class of an error, and its code when it has one. */
export function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
