import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Kinds that helm must find when it installs the chart, by API group and version. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  v1: ['Secret', 'Service', 'ServiceAccount', 'ConfigMap', 'Pod'],
  'apps/v1': ['Deployment', 'StatefulSet'],
  'networking.k8s.io/v1': ['NetworkPolicy', 'Ingress'],
  'policy/v1': ['PodDisruptionBudget'],
};
const NOT_FOUND = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };

/**
 * As much of the API of Kubernetes as helm asks for when it renders a release for a cluster: which kinds there are, and which Secrets.
 * It is for `lookup`, which only a cluster answers. Nothing can be changed in it.
 */
export class FakeCluster {
  /** Data of Secrets by name, encoded. */
  readonly secrets = new Map<string, Readonly<Record<string, string>>>();
  readonly #server: Server = createServer((req, res) => {
    const answer = req.method === 'GET' ? this.#answer(new URL(req.url ?? '/', 'http://cluster').pathname) : undefined;
    res.statusCode = answer ? 200 : 404;
    res.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer ?? NOT_FOUND));
  });
  readonly #folder = mkdtempSync(join(tmpdir(), 'codex-gateways-cluster-'));

  /** @returns the environment that makes helm use it */
  async start(): Promise<Record<string, string>> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    const kubeconfig = join(this.#folder, 'config');
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'fake',
        contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'nobody' } }],
        clusters: [{ name: 'fake', cluster: { server: `http://127.0.0.1:${port}` } }],
        users: [{ name: 'nobody', user: {} }],
      }),
    );
    return { KUBECONFIG: kubeconfig };
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#folder, { recursive: true });
  }

  #answer(path: string): object | undefined {
    if (path === '/version') return { major: '1', minor: '36', gitVersion: 'v1.36.0' };
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
    if (path === '/apis') return groupList();
    const group = /^\/apis?\/(.+)$/.exec(path)?.[1] ?? '';
    if (KINDS[group]) return resourceList(group, KINDS[group]);
    const [, name = ''] = /^\/api\/v1\/namespaces\/[^/]+\/secrets\/([^/]+)$/.exec(path) ?? [];
    const data = this.secrets.get(name);
    if (data) return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque', data };
    return /\/secrets$/.test(path) ? { apiVersion: 'v1', kind: 'SecretList', metadata: {}, items: [] } : undefined;
  }
}

function groupList(): object {
  const groups = Object.keys(KINDS).filter((groupVersion) => groupVersion.includes('/'));
  const versionOf = (groupVersion: string) => ({ groupVersion, version: groupVersion.split('/')[1] });
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map((each) => ({
      name: each.split('/')[0],
      versions: [versionOf(each)],
      preferredVersion: versionOf(each),
    })),
  };
}

function resourceList(groupVersion: string, kinds: readonly string[]): object {
  const plural = (kind: string) => kind.toLowerCase().replace(/y$/, 'ie').replace(/s$/, 'se').concat('s');
  const resources = kinds.map((kind) => ({
    name: plural(kind),
    singularName: kind.toLowerCase(),
    namespaced: true,
    kind,
    verbs: ['create', 'get', 'list'],
  }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}
