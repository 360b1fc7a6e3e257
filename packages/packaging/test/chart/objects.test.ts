import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { type KubernetesObject, lint, render } from './helm.ts';
import { problemsOf } from './object-schemas.ts';
import { ENTRIES, MATRIX, MINIMAL } from './values-matrix.ts';

describeWith(HELM)('the chart', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  it.each(ENTRIES)('passes helm lint --strict with the values "%s"', async (entry) => {
    expect(await lint(MATRIX[entry])).toContain('1 chart(s) linted, 0 chart(s) failed');
  });

  it(
    'renders objects that Kubernetes and the operators accept',
    async () => {
      const objects = (await Promise.all(ENTRIES.map((entry) => render(MATRIX[entry])))).flat();
      expect(objects.length).toBeGreaterThan(100);
      expect(await problemsOf(objects)).toEqual([]);
    },
    TOOL_TIMEOUT_MS,
  );

  it(
    'would notice a field that is misspelt, missing or of another type',
    async () => {
      const service: KubernetesObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' } };
      const route: KubernetesObject = {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: 'b' },
      };
      const wrong = [
        { ...service, spec: { selectors: {} } },
        { ...service, spec: { ports: [{ port: 'http' }] } },
        { ...route, spec: { rules: [{ matches: [], timeout: { request: '0s' } }] } },
        { ...route, spec: { rules: [{ timeouts: { request: 'never' } }] } },
      ] as unknown as KubernetesObject[];
      const found = await problemsOf(wrong);
      const mentioned = (word: RegExp) => found.some((line) => word.test(line));
      expect([/selectors/, /port/, /'?timeout'?/, /request/].filter((word) => !mentioned(word))).toEqual([]);
    },
    TOOL_TIMEOUT_MS,
  );

  it.each(ENTRIES)('names every object once with the values "%s", and labels it', async (entry) => {
    const objects = await render(MATRIX[entry]);
    const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata } of objects) {
      expect(metadata.name.length).toBeLessThanOrEqual(63);
      expect(metadata.labels).toMatchObject({
        'app.kubernetes.io/instance': 'codex',
        'app.kubernetes.io/managed-by': 'Helm',
        'app.kubernetes.io/part-of': 'codex-gateways',
        'helm.sh/chart': expect.stringMatching(/^codex-gateways-/),
      });
    }
  });

  it('keeps names short enough for a long release name', async () => {
    const objects = await render({ ...MINIMAL, fullnameOverride: 'a'.repeat(60) });
    expect(objects.filter(({ metadata }) => metadata.name.length > 63)).toEqual([]);
  });
});
