import { randomUUID } from 'node:crypto';
import {
  type Link,
  type Span as OtelSpan,
  SpanKind as OtelSpanKind,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.ts';
import { runOutsideRequests } from './request-context.ts';
import type { Span, SpanKind, SpanOptions, Tracer } from './span.ts';
import type { TraceContext } from './trace-context.ts';
import type { TracingSettings } from './tracing-settings.ts';

/** Loaded only where spans are exported: nothing else imports OpenTelemetry. */
export interface OtelTracer extends Tracer {
  flush(timeoutMs: number): Promise<void>;
  close(timeoutMs: number): Promise<void>;
}

/** What waits to be sent, at most: with a collector that is away, the oldest stay and new spans are dropped. */
const MAX_QUEUED_SPANS = 2048;
const MAX_BATCH_SPANS = 512;
const EXPORT_INTERVAL_MS = 2000;
const MAX_ATTRIBUTE_LENGTH = 256;

const KINDS: Readonly<Record<SpanKind, OtelSpanKind>> = {
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
  internal: OtelSpanKind.INTERNAL,
};

/** A tracer that exports over OTLP/HTTP with JSON, in batches and in the background. It sets nothing global. */
export function createOtelTracer(
  settings: TracingSettings,
  { service, log }: { service: string; log: Logger },
): OtelTracer {
  const exporter = new OTLPTraceExporter({
    url: settings.tracesUrl,
    headers: { ...settings.headers },
    timeoutMillis: settings.exportTimeoutMs,
    concurrencyLimit: 2,
  });
  const provider = new TracerProvider({
    sampler: samplerOf(settings),
    resource: resourceFromAttributes({ 'service.name': service, 'service.instance.id': randomUUID() }),
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_LENGTH },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new WatchedExporter(exporter, log),
        maxQueueSize: MAX_QUEUED_SPANS,
        maxExportBatchSize: MAX_BATCH_SPANS,
        scheduledDelayMillis: EXPORT_INTERVAL_MS,
        exportTimeoutMillis: settings.exportTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer('codex-gateways');
  return {
    startSpan: (name, options) => toSpan(tracer.startSpan(name, toOtelOptions(options), parentContext(options.parent))),
    flush: (timeoutMs) => settled(provider.forceFlush({ timeoutMillis: timeoutMs }), timeoutMs),
    close: (timeoutMs) => settled(provider.shutdown(), timeoutMs),
  };
}

function samplerOf({ sampler, sampledRatio }: TracingSettings): Sampler {
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(sampledRatio),
  };
  const root = roots[sampler.replace('parentbased_', '')]?.() ?? new AlwaysOnSampler();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function parentContext(parent: TraceContext | undefined) {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, toSpanContext(parent)) : ROOT_CONTEXT;
}

function toOtelOptions({ kind, attributes = {}, links = [], startedAt }: SpanOptions) {
  return {
    kind: KINDS[kind],
    attributes: { ...attributes } as Record<string, string>,
    links: links.map((link): Link => ({ context: toSpanContext(link) })),
    ...(startedAt ? { startTime: startedAt } : {}),
  };
}

function toSpanContext({ traceId, spanId, isSampled }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}

function toSpan(span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    context: { traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 },
    rename: (name) => void span.updateName(name),
    set: (attributes) => void span.setAttributes({ ...attributes } as Record<string, string>),
    link: (other) => void span.addLink({ context: toSpanContext(other) }),
    fail: (errorType) => void span.setAttribute('error.type', errorType).setStatus({ code: SpanStatusCode.ERROR }),
    end: () => span.end(),
  };
}

/** Tells once that spans cannot be delivered, and once that they can again. */
class WatchedExporter implements SpanExporter {
  readonly #inner: SpanExporter;
  readonly #log: Logger;
  #isFailing = false;

  constructor(inner: SpanExporter, log: Logger) {
    this.#inner = inner;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    runOutsideRequests(() =>
      this.#inner.export(spans, (result) => {
        this.#note(result);
        done({ code: ExportResultCode.SUCCESS }); // what failed is told here, and is not kept for another try
      }),
    );
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#inner.forceFlush?.();
  }

  #note({ code, error }: ExportResult): void {
    const isFailing = code !== ExportResultCode.SUCCESS;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    runOutsideRequests(() => {
      if (isFailing)
        this.#log.warn({ reason: error?.message }, 'spans cannot be exported; they are dropped until they can');
      else this.#log.info('spans are exported again');
    });
  }
}

/** Waits for something that must not hold up anything, nor fail. */
async function settled(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work.catch(() => undefined), timeout]);
  clearTimeout(timer);
}
