import { ConfigError, EnvReader } from '../env-reader.ts';
import { readTracing } from './tracing-settings.ts';

function settingsOf(env: Record<string, string>) {
  const read = new EnvReader(env);
  return read.finish(readTracing(read));
}

describe('the variables of OpenTelemetry', () => {
  it('turn tracing on by naming a collector', () => {
    expect(settingsOf({})).toBeUndefined();
    expect(settingsOf({ OTEL_TRACES_SAMPLER: 'always_on' })).toBeUndefined();
    expect(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' })).toEqual({
      tracesUrl: 'http://collector:4318/v1/traces',
      headers: {},
      sampler: 'parentbased_always_on',
      sampledRatio: 1,
      exportTimeoutMs: 5000,
    });
  });
  it('have an address for traces alone, taken as it is', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example/otlp/v1/traces',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, x-tenant=codex',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    };
    expect(settingsOf(env)).toMatchObject({
      tracesUrl: 'https://traces.example/otlp/v1/traces',
      headers: { authorization: 'Bearer x', 'x-tenant': 'codex' },
      sampler: 'traceidratio',
      sampledRatio: 0.25,
    });
  });
  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization=%zz'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s'],
  ])('stop the start for %s=%s, and repeat no value', (name, value) => {
    const read = () => settingsOf({ [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(name);
    expect(read).not.toThrow(value);
  });
});
