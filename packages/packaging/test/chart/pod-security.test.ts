import { drainTimeoutOf } from '../drain-timeout.ts';
import { finalStage, only } from '../images/dockerfile.ts';
import { APPS, type App } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, type KubernetesObject, render } from './helm.ts';
import { containersOf, podOf, podsOf } from './pods.ts';
import { ENTRIES, MATRIX, MINIMAL } from './values-matrix.ts';

/** Volume types that the restricted profile of the Pod Security Standards allows. */
const ALLOWED_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

describeWith(HELM)('pods', () => {
  const rendered = new Map<string, KubernetesObject[]>();
  beforeAll(async () => {
    await programOf(HELM);
    for (const entry of ENTRIES) rendered.set(entry, await render(MATRIX[entry]));
  }, TOOL_TIMEOUT_MS);
  const objects = (entry: string) => rendered.get(entry) ?? [];

  describe.each(ENTRIES)('with the values "%s"', (entry) => {
    it('keep to the restricted profile of the Pod Security Standards', () => {
      for (const pod of podsOf(objects(entry))) {
        const { spec } = pod;
        expect([spec.hostNetwork, spec.hostPID, spec.hostIPC]).toEqual([undefined, undefined, undefined]);
        expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
        expect(spec.securityContext?.runAsUser).toBeGreaterThan(0);
        for (const volume of spec.volumes ?? []) {
          expect(Object.keys(volume).filter((key) => key !== 'name')).toEqual([
            expect.stringMatching(new RegExp(`^(${ALLOWED_VOLUMES.join('|')})$`)),
          ]);
        }
        for (const container of containersOf(pod)) {
          expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          expect(container.ports?.filter(({ hostPort }) => hostPort !== undefined) ?? []).toEqual([]);
        }
      }
    });

    it('have requests and limits for every container', () => {
      for (const pod of podsOf(objects(entry))) {
        for (const { resources } of containersOf(pod)) {
          expect(resources).toEqual({
            requests: { cpu: expect.anything(), memory: expect.anything() },
            limits: { cpu: expect.anything(), memory: expect.anything() },
          });
        }
      }
    });

    it('cannot call the API of Kubernetes, and get no variables from it that the services would misread', () => {
      for (const { spec } of podsOf(objects(entry))) {
        expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      }
      const accounts = objects(entry).filter(({ kind }) => kind === 'ServiceAccount');
      expect(
        accounts.map(
          (each) => (each as unknown as { automountServiceAccountToken: boolean }).automountServiceAccountToken,
        ),
      ).toEqual(accounts.map(() => false));
    });

    it('name their image by an exact version or a digest', () => {
      for (const pod of podsOf(objects(entry))) {
        for (const { image } of containersOf(pod)) expect(image).toMatch(/(:\d+\.\d+(\.\d+)?|@sha256:[0-9a-f]{64})$/);
      }
    });
  });

  it.each(APPS)('of %s run as the user of the image', (app) => {
    const [uid, gid] = only(finalStage(app), 'USER').text.split(':').map(Number);
    expect(podOf(objects('full'), app).spec.securityContext).toMatchObject({ runAsUser: uid, runAsGroup: gid });
  });

  it.each(APPS)('of %s are probed where the service answers', (app) => {
    const [container] = containersOf(podOf(objects('full'), app));
    expect(container?.startupProbe?.httpGet?.path).toBe('/healthz');
    expect(container?.livenessProbe?.httpGet?.path).toBe('/healthz');
    expect(container?.readinessProbe?.httpGet?.path).toBe('/readyz');
  });

  it.each(APPS)('of %s have more time to stop than the service takes to drain', async (app) => {
    const key = { 'codex-auth': 'codexAuth', 'codex-app-gateway': 'appGateway', 'codex-exec-gateway': 'execGateway' }[
      app
    ];
    for (const drainTimeoutSeconds of [undefined, 0, 120]) {
      const values = {
        ...(MINIMAL[key] as object),
        ...(drainTimeoutSeconds === undefined ? {} : { drainTimeoutSeconds }),
      };
      const pod = podOf(await render({ ...MINIMAL, [key]: values }), app);
      const { lifecycle, env = [] } = pod.spec.containers[0] ?? {};
      const { variable, seconds: defaultSeconds } = drainTimeoutOf(app);
      const drain = env.find(({ name }) => name === variable)?.value;
      expect(drain).toBe(`${drainTimeoutSeconds ?? defaultSeconds}s`);
      // A service drains its connections, and then waits as long for requests.
      const neededSeconds = (lifecycle?.preStop.sleep.seconds ?? 0) + 2 * Number.parseInt(drain ?? '', 10);
      expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(neededSeconds);
    }
  });

  it.each(APPS)('of %s are spread over zones and nodes', (app) => {
    const pod = podOf(objects('minimal'), app);
    const constraints = pod.spec.topologySpreadConstraints ?? [];
    expect(constraints.map(({ topologyKey }) => topologyKey)).toEqual([
      'topology.kubernetes.io/zone',
      'kubernetes.io/hostname',
    ]);
    for (const { labelSelector } of constraints) expect(pod.metadata.labels).toMatchObject(labelSelector.matchLabels);
  });

  it('can write to /tmp and to the state of the app-gateway, nowhere else', () => {
    const writable = (app: App) =>
      podOf(objects('minimal'), app).spec.containers[0]?.volumeMounts?.map(({ mountPath }) => mountPath);
    expect(writable('codex-auth')).toEqual(['/tmp']);
    expect(writable('codex-exec-gateway')).toEqual(['/tmp']);
    expect(writable('codex-app-gateway')).toEqual(['/tmp', '/var/lib/codex-app-gateway']);
  });

  it('of the app-gateway find their state again, whatever version of the chart made them', async () => {
    const { spec } = find(objects('full'), 'StatefulSet', 'codex-app-gateway');
    const later = find(
      await render({ ...MATRIX.full, commonLabels: { team: 'other' } }),
      'StatefulSet',
      'codex-app-gateway',
    );
    expect(later.spec?.volumeClaimTemplates).toEqual(spec?.volumeClaimTemplates);
    expect(Object.keys(spec?.volumeClaimTemplates?.[0]?.metadata.labels ?? {}).sort()).toEqual([
      'app.kubernetes.io/component',
      'app.kubernetes.io/instance',
      'app.kubernetes.io/name',
    ]);
  });
});
