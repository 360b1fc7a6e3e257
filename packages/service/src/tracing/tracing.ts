import type { Logger } from '../logger.ts';
import type { OtelTracer } from './otel-tracer.ts';
import { passiveTracer, type Span, type SpanOptions, type Tracer } from './span.ts';
import type { TracingSettings } from './tracing-settings.ts';

/** The traces of one service instance. */
export interface Tracing extends Tracer {
  /** Whether spans are recorded. */
  readonly isOn: boolean;
  /** Loads what records and exports spans; nothing is loaded without settings. */
  start(): Promise<void>;
  /** Sends what has ended so far, for as long as `timeoutMs`. Never throws. */
  flush(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

const FLUSH_TIMEOUT_MS = 2000;

/**
 * Traces of a service: recorded and exported over OTLP/HTTP where settings say where to, and passed on in any case.
 * @param service - `service.name` of its spans
 */
export function createTracing(
  settings: TracingSettings | undefined,
  { service, log }: { service: string; log: Logger },
): Tracing {
  let otel: OtelTracer | undefined;
  return {
    get isOn() {
      return otel !== undefined;
    },
    startSpan: (name: string, options: SpanOptions): Span => (otel ?? passiveTracer).startSpan(name, options),
    async start() {
      if (!settings || otel) return;
      const { createOtelTracer } = await import('./otel-tracer.ts');
      otel = createOtelTracer(settings, { service, log });
    },
    flush: async (timeoutMs = FLUSH_TIMEOUT_MS) => otel?.flush(timeoutMs),
    async close() {
      const closing = otel;
      otel = undefined;
      await closing?.close(FLUSH_TIMEOUT_MS);
    },
  };
}

/** Traces that are passed on and not recorded. */
export function noTracing(): Tracing {
  return { ...passiveTracer, isOn: false, start: async () => {}, flush: async () => {}, close: async () => {} };
}
