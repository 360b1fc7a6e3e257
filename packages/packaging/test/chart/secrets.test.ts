import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, type KubernetesObject, refusal, render, type Values } from './helm.ts';
import { containersOf, podsOf } from './pods.ts';
import { ENTRIES, EXTERNAL, FULL, MATRIX, MINIMAL, TRIAL } from './values-matrix.ts';

const REQUIRED_KEYS = ['master-key', 'internal-api-secret', 'exec-gateway-shared-secret', 'capability-token-secret'];
const decode = (text = '') => Buffer.from(text, 'base64').toString();

describeWith(HELM)('secrets', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  it('are generated with enough entropy, in the form that the services take', async () => {
    const { data = {} } = find(await render(MINIMAL), 'Secret', '-secrets');
    expect(Object.keys(data)).toEqual(expect.arrayContaining(REQUIRED_KEYS));
    expect(Buffer.from(decode(data['master-key']), 'base64')).toHaveLength(32);
    const others = Object.keys(data).filter((key) => key !== 'master-key');
    for (const key of others) expect(decode(data[key])).toMatch(/^[A-Za-z0-9]{43}$/);
    expect(new Set(Object.values(data)).size).toBe(Object.keys(data).length);
  });

  it('survive the release that they were generated for', async () => {
    for (const secret of (await render(TRIAL)).filter(({ kind }) => kind === 'Secret')) {
      expect(secret.metadata.annotations).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
    }
  });

  it.each(ENTRIES)('are in Secrets only, with the values "%s"', async (entry) => {
    const objects = await render(MATRIX[entry]);
    const generated = objects.filter(({ kind }) => kind === 'Secret').flatMap(({ data = {} }) => Object.values(data));
    const rest = JSON.stringify(objects.filter(({ kind }) => kind !== 'Secret'));
    expect(generated.filter((value) => rest.includes(value) || rest.includes(decode(value)))).toEqual([]);
    const clear = podsOf(objects)
      .flatMap(containersOf)
      .flatMap(({ env = [] }) => env)
      .filter(({ name, value }) => /SECRET|PASSWORD|_KEYS?$|API_KEY|TOKEN$/.test(name) && value !== undefined);
    expect(clear).toEqual([]);
    expect(
      objects.filter(({ kind }) => kind === 'ConfigMap').every(({ metadata }) => metadata.name.endsWith('-dashboard')),
    ).toBe(true);
  });

  it.each(ENTRIES)('are all there that the pods ask for, with the values "%s"', async (entry) => {
    const objects = await render(MATRIX[entry]);
    const made = new Map(
      objects
        .filter(({ kind }) => kind === 'Secret')
        .map(({ metadata, data = {} }) => [metadata.name, Object.keys(data)]),
    );
    const asked = podsOf(objects)
      .flatMap(containersOf)
      .flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []));
    expect(asked.length).toBeGreaterThan(4);
    const missing = asked.filter(
      ({ name, key, optional }) => made.has(name) && !optional && !made.get(name)?.includes(key),
    );
    expect(missing).toEqual([]);
  });

  it('come from an existing Secret when there is one', async () => {
    const objects = await render({ ...MINIMAL, secrets: { existingSecret: 'mine' } });
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    expect(secretNames(objects)).toEqual(['codex-database', 'mine']);
  });

  it('come from a store by the External Secrets Operator', async () => {
    const objects = await render(EXTERNAL);
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const { spec } = find(objects, 'ExternalSecret');
    expect(spec).toMatchObject({
      secretStoreRef: { name: 'vault', kind: 'ClusterSecretStore' },
      target: { name: 'codex-codex-gateways-secrets', deletionPolicy: 'Retain' },
      dataFrom: [{ extract: { key: 'platform/codex-gateways' } }],
    });
    expect(secretNames(objects)).toEqual(['codex-codex-gateways-secrets', 'codex-database']);
  });

  it('are the same at both ends of a call, in every service', async () => {
    const keyOf = (objects: readonly KubernetesObject[], component: string, variable: string) => {
      const [container] = podsOf(objects)
        .filter((pod) => pod.component === component)
        .flatMap(containersOf);
      return container?.env?.find(({ name }) => name === variable)?.valueFrom?.secretKeyRef;
    };
    const objects = await render(FULL);
    const internalApi = keyOf(objects, 'codex-auth', 'INTERNAL_API_SECRET');
    expect(internalApi?.key).toBe('internal-api-secret');
    expect(keyOf(objects, 'codex-exec-gateway', 'CXG_AGENTSERVER_INTERNAL_SECRET')).toEqual(internalApi);
    expect(keyOf(objects, 'codex-app-gateway', 'CXG_AGENTSERVER_INTERNAL_SECRET')).toEqual(internalApi);
    expect(keyOf(objects, 'codex-app-gateway', 'CXG_EXEC_GATEWAY_INTERNAL_SECRET')).toEqual(
      keyOf(objects, 'codex-exec-gateway', 'CXG_INTERNAL_SHARED_SECRET'),
    );
    expect(keyOf(objects, 'codex-app-gateway', 'CXG_CAPTOKEN_HMAC_SECRET')).toEqual(
      keyOf(objects, 'codex-exec-gateway', 'CXG_CAPTOKEN_HMAC_SECRET'),
    );
  });

  it.each([
    ['no database', { database: {} }, /database\.existingSecret is needed/],
    ['two databases', { postgresql: { enabled: true } }, /exclude each other/],
    [
      'two sources of secrets',
      {
        secrets: {
          existingSecret: 'mine',
          externalSecret: { enabled: true, secretStoreRef: { name: 'a' }, remoteKey: 'a' },
        },
      },
      /exclude each other/,
    ],
    [
      'a store without a name',
      { secrets: { externalSecret: { enabled: true, remoteKey: 'a' } } },
      /secretStoreRef is needed/,
    ],
    [
      'an agentserver whose secret nobody has',
      { agentserver: { enabled: true, internalUrl: 'http://a' } },
      /needs secrets\.existingSecret/,
    ],
    [
      'an agentserver without an address',
      { agentserver: { enabled: true }, secrets: { existingSecret: 'mine' } },
      /agentserver\.internalUrl is needed/,
    ],
    ['no registry', { images: {} }, /images\.registry is needed/],
    ['no issuer', { codexAuth: {} }, /codexAuth\.publicUrl is needed/],
    ['no address for executors', { execGateway: {} }, /execGateway\.publicUrl is needed/],
  ])('are not guessed: %s is refused', async (_, values, reason) => {
    expect(await refusal({ ...MINIMAL, ...(values as Values) })).toMatch(reason);
  });
});

function secretNames(objects: readonly KubernetesObject[]): string[] {
  const names = podsOf(objects)
    .flatMap(containersOf)
    .flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []));
  return [...new Set(names)].sort();
}
