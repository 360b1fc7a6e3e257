import { APPS, PORTS } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, type KubernetesObject, type PolicyRule, render, type Values } from './helm.ts';
import { podOf, podsOf } from './pods.ts';
import { AGENTSERVER, EXTERNAL, FULL, MINIMAL, TRIAL, UPSTREAM } from './values-matrix.ts';

const DNS = 'anywhere:53';
const INGRESS_NGINX = 'kubernetes.io/metadata.name=ingress-nginx';
const MONITORING = 'kubernetes.io/metadata.name=monitoring';

/** `peer:port` for each pair that the rules of one direction allow. */
function arrows(rules: readonly PolicyRule[] = [], direction: 'from' | 'to'): string[] {
  const all = rules.flatMap((rule) =>
    rule.ports.flatMap(({ port }) => {
      const peers = rule[direction];
      if (peers === undefined) return [`anywhere:${port}`];
      return peers.map(({ podSelector, namespaceSelector, ipBlock }) => {
        const labels = podSelector?.matchLabels ?? namespaceSelector?.matchLabels ?? {};
        const label = Object.entries(labels).map(([name, value]) => `${name}=${value}`)[0];
        return `${ipBlock?.cidr ?? labels['app.kubernetes.io/component'] ?? label}:${port}`;
      });
    }),
  );
  return [...new Set(all)].sort();
}

const policyOf = (objects: readonly KubernetesObject[], component: string) => {
  const { spec } = find(objects, 'NetworkPolicy', component);
  return { from: arrows(spec?.ingress, 'from'), to: arrows(spec?.egress, 'to') };
};

describeWith(HELM)('network policies', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  it('allow only the calls of docs/architecture.md', async () => {
    const objects = await render(FULL);
    const outside = [`${INGRESS_NGINX}:http`, `${MONITORING}:http`, 'test:http'];
    expect(policyOf(objects, 'codex-auth')).toEqual({
      from: [...outside, 'codex-app-gateway:http', 'codex-exec-gateway:http'].sort(),
      to: ['10.20.0.0/16:5432', '10.40.0.0/16:443', DNS, 'codex-exec-gateway:8083'].sort(),
    });
    expect(policyOf(objects, 'codex-exec-gateway')).toEqual({
      from: [...outside, 'codex-app-gateway:http', 'codex-auth:http', 'codex-exec-gateway:http'].sort(),
      to: ['10.20.0.0/16:5432', DNS, 'codex-auth:8081', 'codex-exec-gateway:8083'].sort(),
    });
    expect(policyOf(objects, 'codex-app-gateway')).toEqual({
      from: [...outside, 'codex-app-gateway:http'].sort(),
      to: ['10.30.0.0/16:8443', DNS, 'codex-app-gateway:8082', 'codex-auth:8081', 'codex-exec-gateway:8083'].sort(),
    });
  });

  it('let codex-auth reach identity providers where there are any', async () => {
    const to = async (codexAuth: Values, networkPolicy: Values = {}) => {
      const publicUrl = 'https://auth.example.com';
      const objects = await render({ ...MINIMAL, codexAuth: { publicUrl, ...codexAuth }, networkPolicy });
      return policyOf(objects, 'codex-auth').to.filter((arrow) => arrow.endsWith(':443'));
    };
    const identityProviderPeers = [{ ipBlock: { cidr: '10.40.0.0/16' } }];
    expect(await to({})).toEqual([]);
    expect(await to({ upstreams: [UPSTREAM] })).toEqual(['anywhere:443']);
    expect(await to({ upstreams: [UPSTREAM] }, { identityProviderPeers })).toEqual(['10.40.0.0/16:443']);
    // For providers that come by extraEnv.
    expect(await to({}, { identityProviderPeers })).toEqual(['10.40.0.0/16:443']);
  });

  it('let the app-gateway reach no database', async () => {
    for (const values of [MINIMAL, TRIAL, FULL, EXTERNAL]) {
      const { to } = policyOf(await render(values), 'codex-app-gateway');
      expect(to.filter((arrow) => /:(5432|postgresql)$/.test(arrow))).toEqual([]);
    }
  });

  it('let only its two users reach the database of a trial, and it nobody', async () => {
    expect(policyOf(await render(TRIAL), 'postgresql')).toEqual({
      from: ['codex-auth:postgresql', 'codex-exec-gateway:postgresql'],
      to: [],
    });
  });

  it('let the gateways reach an agentserver, and it them, instead of codex-auth', async () => {
    const objects = await render(AGENTSERVER);
    const agents = 'kubernetes.io/metadata.name=agents';
    expect(policyOf(objects, 'codex-app-gateway').to).toEqual([
      'anywhere:443',
      DNS,
      'codex-app-gateway:8082',
      'codex-exec-gateway:8083',
      `${agents}:8080`,
    ]);
    expect(policyOf(objects, 'codex-exec-gateway')).toEqual({
      from: [
        `${INGRESS_NGINX}:http`,
        'codex-app-gateway:http',
        'codex-exec-gateway:http',
        `${agents}:http`,
        'test:http',
      ].sort(),
      to: ['anywhere:5432', DNS, 'codex-exec-gateway:8083', `${agents}:8080`].sort(),
    });
  });

  it.each([
    ['https://agentserver.example.com', 443],
    ['http://agentserver', 80],
    ['http://agentserver:9000/base', 9000],
  ])('know the port of an agentserver at %s', async (internalUrl, port) => {
    const { to } = policyOf(
      await render({ ...AGENTSERVER, agentserver: { enabled: true, internalUrl } }),
      'codex-app-gateway',
    );
    expect(to).toContain(`anywhere:${port}`);
  });

  it('hold for every pod but the one that tests, in both directions', async () => {
    const objects = await render(TRIAL);
    for (const { component, metadata } of podsOf(objects).filter((pod) => pod.component !== 'test')) {
      const { spec } = find(objects, 'NetworkPolicy', component);
      expect(spec?.policyTypes).toEqual(['Ingress', 'Egress']);
      expect(metadata.labels).toMatchObject({ ...spec?.podSelector?.matchLabels });
    }
  });

  it('name ports that the pods have', async () => {
    const objects = await render(FULL);
    for (const app of APPS) {
      const [container] = podOf(objects, app).spec.containers;
      expect(container?.ports).toContainEqual({ name: 'http', containerPort: PORTS[app] });
    }
  });

  it('can be left out', async () => {
    const objects = await render({ ...MINIMAL, networkPolicy: { enabled: false } });
    expect(objects.filter(({ kind }) => kind === 'NetworkPolicy')).toEqual([]);
  });
});
