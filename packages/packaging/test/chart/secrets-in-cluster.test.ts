import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { FakeCluster } from './fake-cluster.ts';
import {
  CHART,
  find,
  helm,
  type KubernetesObject,
  NAMESPACE,
  parseObjects,
  RELEASE,
  TEMPLATE,
  type Values,
} from './helm.ts';
import { AGENTSERVER, MINIMAL, TRIAL } from './values-matrix.ts';

const REQUIRED_KEYS = ['master-key', 'internal-api-secret', 'exec-gateway-shared-secret', 'capability-token-secret'];

describeWith(HELM)('secrets in a cluster', () => {
  const cluster = new FakeCluster();
  let env: Record<string, string>;
  beforeAll(async () => {
    await programOf(HELM);
    env = await cluster.start();
  }, TOOL_TIMEOUT_MS);
  afterAll(() => cluster.stop());
  beforeEach(() => cluster.secrets.clear());

  const renderInCluster = async (values: Values) =>
    parseObjects(
      await helm([...TEMPLATE, '--kube-version', '1.36.0', '--dry-run=server'], {
        input: JSON.stringify(values),
        env,
      }),
    );
  const install = (objects: readonly KubernetesObject[]) => {
    for (const { kind, metadata, data = {} } of objects)
      if (kind === 'Secret') cluster.secrets.set(metadata.name, data);
  };
  const dataOf = (objects: readonly KubernetesObject[], nameEnd: string) => find(objects, 'Secret', nameEnd).data;

  it('stay as they are when the release is upgraded', async () => {
    const first = await renderInCluster(TRIAL);
    install(first);
    const upgraded = await renderInCluster({ ...TRIAL, commonLabels: { team: 'other' } });
    expect(dataOf(upgraded, '-secrets')).toEqual(dataOf(first, '-secrets'));
    expect(dataOf(upgraded, '-postgresql')).toEqual(dataOf(first, '-postgresql'));
  });

  it('are new in a cluster that has none', async () => {
    const [first, second] = [await renderInCluster(TRIAL), await renderInCluster(TRIAL)];
    expect(dataOf(second, '-secrets')).not.toEqual(dataOf(first, '-secrets'));
  });

  it('are completed when an earlier version of the chart had fewer, and keep what was added by hand', async () => {
    const name = 'codex-codex-gateways-secrets';
    const added = { 'master-key': btoa('bWluZQ=='), 'previous-master-keys': btoa('b2xk') };
    cluster.secrets.set(name, added);
    const data = dataOf(await renderInCluster(MINIMAL), '-secrets') ?? {};
    expect(data).toMatchObject(added);
    expect(Object.keys(data)).toEqual(expect.arrayContaining(REQUIRED_KEYS));
  });

  it.each([
    [
      'trial',
      TRIAL,
      [
        /get secret codex-codex-gateways-secrets/,
        /codex login .* https:\/\/auth\.example\.com/,
        /PostgreSQL runs as one pod/,
        /limit networkPolicy\.publicFrom/,
      ],
    ],
    [
      'agentserver',
      { ...AGENTSERVER, monitoring: {} },
      [/helm --namespace gateways test codex/, /Nothing is reachable from outside/],
    ],
  ])('NOTES.txt says what to do next, with the values "%s"', async (_, values, expected) => {
    const args = [
      'install',
      RELEASE,
      CHART,
      '--namespace',
      NAMESPACE,
      '--dry-run=server',
      '--disable-openapi-validation',
      '--values',
      '-',
    ];
    const notes = (await helm(args, { input: JSON.stringify(values), env })).split('NOTES:\n')[1] ?? '';
    for (const words of expected) expect(notes).toMatch(words);
    expect(notes).not.toMatch(/<no value>|<nil>|%!/);
    expect(notes.includes('codex login')).toBe(!('agentserver' in values));
  });
});
