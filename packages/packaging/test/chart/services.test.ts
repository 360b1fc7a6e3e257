import { randomBytes } from 'node:crypto';
import { configProblems } from '../app-config.ts';
import { APPS, type App, PORTS, variablesOf } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, type KubernetesObject, render } from './helm.ts';
import { type EnvVariable, environmentOf, podOf, podsOf } from './pods.ts';
import { AGENTSERVER, ENTRIES, EXTERNAL, FULL, MATRIX, MINIMAL, TRIAL, UPSTREAM } from './values-matrix.ts';

const VALUES_KEYS = {
  'codex-auth': 'codexAuth',
  'codex-app-gateway': 'appGateway',
  'codex-exec-gateway': 'execGateway',
} as const;
/** Variables that the chart sets for other variables to use, and one that the value of another names. */
const HELPERS = ['POSTGRES_PASSWORD', 'POD_IP', 'CORP_SECRET'];

describeWith(HELM)('the services', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  it.each(ENTRIES)('get only variables that they read, with the values "%s"', async (entry) => {
    const objects = await render(MATRIX[entry]);
    for (const app of APPS.filter((each) => each !== 'codex-auth' || entry !== 'agentserver')) {
      const known = variablesOf(app);
      const names = Object.keys(environmentOf(objects, app));
      expect(names.filter((name) => !known.has(name) && !HELPERS.includes(name))).toEqual([]);
    }
  });

  it.each(APPS)('%s accepts what it gets, whatever the values are', async (app) => {
    const entries = ENTRIES.filter((entry) => app !== 'codex-auth' || entry !== 'agentserver');
    const environments = entries.map(async (entry) => {
      const podIp = entry === 'external' ? 'fd00::7' : '10.0.0.7';
      return resolvedEnvironment(environmentOf(await render(MATRIX[entry]), app), podIp);
    });
    expect(await configProblems(app, await Promise.all(environments))).toEqual(entries.map(() => ''));
  });

  it.each(APPS)('%s is behind a Service of its pods', async (app) => {
    const objects = await render(FULL);
    const service = find(objects, 'Service', app);
    expect(podOf(objects, app).metadata.labels).toMatchObject({ ...service.spec?.selector });
    expect(podOf(objects, app).spec.containers[0]?.ports).toEqual([{ name: 'http', containerPort: PORTS[app] }]);
    expect(service.spec?.type).toBeUndefined();
    const port = {
      'codex-auth': 'CODEX_AUTH_PORT',
      'codex-app-gateway': 'CXG_APP_PORT',
      'codex-exec-gateway': 'CXG_PORT',
    }[app];
    expect(environmentOf(objects, app)[port]?.value).toBe(String(PORTS[app]));
  });

  it('gives codex-auth its identity providers word for word, and their secrets from where the values say', async () => {
    const environment = environmentOf(await render(FULL), 'codex-auth');
    expect(JSON.parse(environment.CODEX_AUTH_UPSTREAMS?.value ?? '')).toEqual([UPSTREAM]);
    expect(environment.CODEX_AUTH_LOCAL_ACCOUNTS?.value).toBe('off');
    expect(environment.CORP_SECRET?.valueFrom?.secretKeyRef).toEqual({ name: 'corp-client', key: 'client-secret' });
    const minimal = environmentOf(await render(MINIMAL), 'codex-auth');
    expect(Object.keys(minimal).filter((name) => /UPSTREAMS|LOCAL_ACCOUNTS/.test(name))).toEqual([]);
  });

  it('find each other under the names of their Services', async () => {
    const objects = await render(MINIMAL);
    const url = (app: App, scheme = 'http') =>
      `${scheme}://${find(objects, 'Service', app).metadata.name}:${PORTS[app]}`;
    expect(environmentOf(objects, 'codex-auth').CXG_EXEC_GATEWAY_INTERNAL_URL?.value).toBe(url('codex-exec-gateway'));
    expect(environmentOf(objects, 'codex-exec-gateway').CXG_AGENTSERVER_INTERNAL_URL?.value).toBe(url('codex-auth'));
    expect(environmentOf(objects, 'codex-app-gateway')).toMatchObject({
      CXG_AGENTSERVER_INTERNAL_URL: { value: url('codex-auth') },
      CXG_EXEC_GATEWAY_URL: { value: url('codex-exec-gateway', 'ws') },
      CXG_EXEC_GATEWAY_INTERNAL_URL: { value: url('codex-exec-gateway') },
    });
  });

  it('tell other replicas of the gateways the address of the pod, in both families', async () => {
    const addresses = async (values: object) => {
      const objects = await render({ ...MINIMAL, ...values });
      return [
        environmentOf(objects, 'codex-exec-gateway').CXG_SELF_INTERNAL_URL?.value,
        environmentOf(objects, 'codex-app-gateway').CXG_APP_SELF_INTERNAL_URL?.value,
      ];
    };
    expect(await addresses({})).toEqual(['http://$(POD_IP):8083', 'http://$(POD_IP):8082']);
    expect(await addresses({ ipFamily: 'IPv6' })).toEqual(['http://[$(POD_IP)]:8083', 'http://[$(POD_IP)]:8082']);
    expect(environmentOf(await render(EXTERNAL), 'codex-auth').CODEX_AUTH_HOST?.value).toBe('::');
  });

  it('use the database of the existing Secret, or the one of a trial', async () => {
    const external = environmentOf(await render(MINIMAL), 'codex-auth').CODEX_AUTH_DATABASE_URL;
    expect(external?.valueFrom?.secretKeyRef).toEqual({ name: 'codex-database', key: 'codex-auth-database-url' });
    const names = Object.keys(environmentOf(await render(TRIAL), 'codex-exec-gateway'));
    // Kubernetes fills a variable in only when it comes before.
    expect(names.indexOf('POSTGRES_PASSWORD')).toBeGreaterThan(-1);
    expect(names.indexOf('POSTGRES_PASSWORD')).toBeLessThan(names.indexOf('CXG_DATABASE_URL'));
  });

  it('work with an agentserver in place of codex-auth', async () => {
    const objects = await render(AGENTSERVER);
    expect(
      podsOf(objects)
        .map(({ component }) => component)
        .sort(),
    ).toEqual(['codex-app-gateway', 'codex-exec-gateway', 'test']);
    expect(objects.filter(({ metadata }) => metadata.name.endsWith('codex-auth'))).toEqual([]);
    for (const app of ['codex-app-gateway', 'codex-exec-gateway']) {
      const env = environmentOf(objects, app);
      expect(env.CXG_AGENTSERVER_INTERNAL_URL?.value).toBe('http://agentserver.agents.svc:8080');
      expect(env.CXG_AGENTSERVER_INTERNAL_SECRET?.valueFrom?.secretKeyRef).toEqual({
        name: 'codex-secrets',
        key: 'internal-api-secret',
      });
    }
  });

  describe.each(APPS)('scaling %s', (app) => {
    const key = VALUES_KEYS[app];
    const withValues = (values: object) => ({ ...MINIMAL, [key]: { ...(MINIMAL[key] as object), ...values } });
    const workload = (objects: readonly KubernetesObject[]) =>
      find(
        objects.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet'),
        app === 'codex-app-gateway' ? 'StatefulSet' : 'Deployment',
        app,
      );

    it('takes its own number of replicas', async () => {
      expect(workload(await render(withValues({ replicas: 7 }))).spec?.replicas).toBe(7);
    });

    it('leaves the number to its autoscaler when it has one', async () => {
      const objects = await render(withValues({ autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 9 } }));
      const { spec } = find(objects, 'HorizontalPodAutoscaler', app);
      expect(workload(objects).spec?.replicas).toBeUndefined();
      expect(spec).toMatchObject({ minReplicas: 3, maxReplicas: 9 });
      expect(spec?.scaleTargetRef).toMatchObject({
        kind: workload(objects).kind,
        name: workload(objects).metadata.name,
      });
      expect(spec?.metrics?.map(({ type, resource }) => resource?.name ?? type)).toEqual(['cpu']);
    });

    it('changes nothing of the other services, whatever its values are', async () => {
      const ofOthers = (objects: readonly KubernetesObject[]) =>
        objects.filter(({ kind, metadata }) => {
          const component = metadata.labels?.['app.kubernetes.io/component'];
          return APPS.some((other) => other !== app && other === component) && kind !== 'Secret';
        });
      const resources = { requests: { cpu: '3', memory: '3Gi' }, limits: { cpu: '3', memory: '3Gi' } };
      const scalars = { replicas: 9, drainTimeoutSeconds: 33, logLevel: 'debug', maxUnavailable: 2, resources };
      // Its address alone is something that others are told.
      const { publicUrl = (FULL[key] as { publicUrl: string }).publicUrl } = (MINIMAL[key] ?? {}) as {
        publicUrl?: string;
      };
      const changed = withValues({ ...(FULL[key] as object), ...scalars, publicUrl });
      expect(ofOthers(await render(changed))).toEqual(ofOthers(await render(MINIMAL)));
    });
  });

  it('scale on connections where they have any', async () => {
    const objects = await render(FULL);
    const metric = (app: App) => find(objects, 'HorizontalPodAutoscaler', app).spec?.metrics?.[1]?.pods;
    expect(metric('codex-auth')).toBeUndefined();
    expect(metric('codex-exec-gateway')).toMatchObject({
      metric: { name: 'codex_exec_connected_executors' },
      target: { averageValue: '2000' },
    });
    expect(metric('codex-app-gateway')).toMatchObject({
      metric: { name: 'cxg_app_connections' },
      target: { averageValue: '200' },
    });
  });

  it('select their pods by labels that no value but the name changes', async () => {
    const selectors = async (values: object) =>
      (await render(values as typeof MINIMAL))
        .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
        .map(({ metadata, spec }) => [metadata.name, spec?.selector]);
    const { nameOverride: _, fullnameOverride: __, ...rest } = FULL;
    expect(await selectors(rest)).toEqual(await selectors(MINIMAL));
  });

  it('may lose one pod at a time to the maintenance of nodes', async () => {
    const objects = await render(MINIMAL);
    for (const app of APPS) {
      const { spec } = find(objects, 'PodDisruptionBudget', app);
      expect(spec?.maxUnavailable).toBe(1);
      expect(podOf(objects, app).metadata.labels).toMatchObject({ ...spec?.selector?.matchLabels });
    }
  });
});

/** What a container sees: values of Secrets, and variables filled in with those before them. */
function resolvedEnvironment(variables: Readonly<Record<string, EnvVariable>>, podIp: string): Record<string, string> {
  const env: Record<string, string> = {};
  const secretOf = (key: string) =>
    /master-key$/.test(key)
      ? randomBytes(32).toString('base64')
      : /url$/.test(key)
        ? 'postgresql://a:b@c:5432/d'
        : 'a'.repeat(43);
  for (const { name, value, valueFrom } of Object.values(variables)) {
    if (valueFrom?.secretKeyRef?.optional) continue;
    if (valueFrom?.secretKeyRef) env[name] = secretOf(valueFrom.secretKeyRef.key);
    else if (valueFrom) env[name] = podIp;
    else env[name] = (value ?? '').replace(/\$\((\w+)\)/g, (text, other: string) => env[other] ?? text);
  }
  return env;
}
