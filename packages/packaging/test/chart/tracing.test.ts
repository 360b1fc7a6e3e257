import { configProblems } from '../app-config.ts';
import { APPS } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, type KubernetesObject, render } from './helm.ts';
import { MINIMAL } from './values-matrix.ts';

const PEER = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'observability' } } };
const TRACING = {
  endpoint: 'http://otel-collector.observability.svc:4318',
  sampler: 'traceidratio',
  sampledRatio: 0.25,
  headersSecret: { name: 'collector', key: 'headers' },
  networkPolicyPeers: [PEER],
};

describeWith(HELM)('traces', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  it('go from every service to the collector, with its headers from a Secret', async () => {
    const text = JSON.stringify(await render({ ...MINIMAL, tracing: TRACING }));
    const variable = (name: string, rest: object) => JSON.stringify({ name, ...rest });
    const secret = { valueFrom: { secretKeyRef: { name: 'collector', key: 'headers' } } };
    for (const expected of [
      variable('OTEL_EXPORTER_OTLP_ENDPOINT', { value: TRACING.endpoint }),
      variable('OTEL_TRACES_SAMPLER', { value: 'traceidratio' }),
      variable('OTEL_TRACES_SAMPLER_ARG', { value: '0.25' }),
      variable('OTEL_EXPORTER_OTLP_HEADERS', secret),
    ]) {
      expect(text.split(expected)).toHaveLength(APPS.length + 1);
    }
  });

  it('may pass the NetworkPolicy of every service', async () => {
    const objects = await render({ ...MINIMAL, tracing: TRACING });
    for (const app of APPS) {
      const policy: KubernetesObject & { spec?: { egress?: unknown } } = find(objects, 'NetworkPolicy', app);
      expect(policy.spec?.egress).toContainEqual({ ports: [{ port: 4318 }], to: [PEER] });
    }
  });

  it('are in a form that the services take', async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: TRACING.endpoint,
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x',
    };
    for (const app of APPS) expect((await configProblems(app, [env])).join()).not.toContain('OTEL');
  });

  it('are not spoken of without a collector', async () => {
    expect(JSON.stringify(await render(MINIMAL))).not.toContain('OTEL');
  });
});
