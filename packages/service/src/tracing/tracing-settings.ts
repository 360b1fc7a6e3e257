import type { EnvReader } from '../env-reader.ts';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** Where spans go, and which. */
export interface TracingSettings {
  /** The whole URL that spans are posted to. */
  readonly tracesUrl: string;
  /** Credentials of the collector, so a secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly sampler: SamplerName;
  /** 0 to 1, for the samplers that take a part. */
  readonly sampledRatio: number;
  /** Of one export, its retries included. */
  readonly exportTimeoutMs: number;
}

/**
 * The tracing of a service, by the variables that OpenTelemetry gives all programs (specification, "OTLP exporter configuration"
 * and "SDK environment variables"); undefined when no collector is named.
 */
export function readTracing(read: EnvReader): TracingSettings | undefined {
  const base = read.optionalHttpUrl('OTEL_EXPORTER_OTLP_ENDPOINT');
  const tracesUrl = read.optionalHttpUrl('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? (base && `${base}/v1/traces`);
  const settings = {
    headers: Object.fromEntries(read.parsedList('OTEL_EXPORTER_OTLP_HEADERS', parseHeader)),
    sampler: read.oneOf('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on'),
    sampledRatio: Number(
      read.text('OTEL_TRACES_SAMPLER_ARG', {
        default: '1',
        pattern: /^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?)$/,
        expected: 'a number from 0 to 1',
      }),
    ),
    exportTimeoutMs: read.integer('OTEL_EXPORTER_OTLP_TIMEOUT', { min: 100, max: 60_000, default: 5000 }),
  };
  return tracesUrl ? { tracesUrl, ...settings } : undefined;
}

/** One of `name=value`, the value percent-encoded. */
function parseHeader(text: string): [string, string] {
  const [, name, value] = /^([A-Za-z0-9-]{1,64})\s*=\s*([\x21-\x7e]{1,4096})$/.exec(text) ?? [];
  if (!name || value === undefined) throw new TypeError('must be a list of name=value');
  try {
    return [name, decodeURIComponent(value)];
  } catch {
    throw new TypeError('must be a list of name=value, each value percent-encoded');
  }
}
