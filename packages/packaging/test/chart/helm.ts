import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../repository.ts';
import { HELM, programOf } from '../tools/go-tool.ts';
import type { Pod } from './pods.ts';

export const CHART = join(ROOT, 'charts', 'codex-gateways');
export const RELEASE = 'codex';
export const NAMESPACE = 'gateways';
/** Helm compiled by Go takes a cluster of 2020 for granted when it is not told. */
const KUBERNETES = ['--kube-version', '1.36.0'];

/** Values of the chart: any part of values.yaml. */
export type Values = Readonly<Record<string, unknown>>;

/** Labels that select. */
export interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
}

/** One rule of a NetworkPolicy, either way. */
export interface PolicyRule {
  readonly ports: readonly { readonly port: number | string; readonly protocol?: string }[];
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
}
export interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

export interface PathRule {
  readonly path: string;
  readonly pathType: 'Exact' | 'Prefix';
}

/** The parts of a spec that tests look at, of whatever kind it is. */
export interface Spec {
  readonly replicas?: number;
  readonly selector?: Selector & Readonly<Record<string, string>>;
  readonly template?: Pick<Pod, 'metadata' | 'spec'>;
  readonly serviceName?: string;
  readonly clusterIP?: string;
  readonly type?: string;
  readonly volumeClaimTemplates?: readonly {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  }[];
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly metrics?: readonly {
    readonly type: string;
    readonly pods?: { readonly metric: { readonly name: string }; readonly target: { readonly averageValue: string } };
    readonly resource?: { readonly name: string };
  }[];
  readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
  readonly maxUnavailable?: number;
  readonly podSelector?: Selector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
  readonly rules?: readonly {
    readonly host: string;
    readonly http: { readonly paths: readonly PathRule[] };
    readonly matches: readonly { readonly path: { readonly type: string; readonly value: string } }[];
    readonly timeouts: { readonly request: string };
  }[];
  readonly hostnames?: readonly string[];
  readonly groups?: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
  readonly endpoints?: readonly { readonly port: string; readonly path: string }[];
}

/** An object that the chart renders, as far as all of them are alike. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Spec;
  readonly data?: Readonly<Record<string, string>>;
}

/** @throws {Error} with helm's own words */
export async function helm(
  args: readonly string[],
  { input = '', env = {} as Record<string, string> } = {},
): Promise<string> {
  const running = promisify(execFile)(await programOf(HELM), args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  running.child.stdin?.end(input);
  try {
    return (await running).stdout;
  } catch (error) {
    throw new Error((error as { stderr: string }).stderr.trim());
  }
}

export const TEMPLATE = ['template', RELEASE, CHART, '--namespace', NAMESPACE, '--values', '-'];

const rendered = new Map<string, Promise<KubernetesObject[]>>();

/**
 * What `helm template` makes of values: the same objects for the same values, so do not change them.
 * @throws {Error} with helm's own words, when it refuses them
 */
export function render(values: Values, ...options: string[]): Promise<KubernetesObject[]> {
  const input = JSON.stringify(values);
  const key = [input, ...options].join(' ');
  const objects = rendered.get(key) ?? helm([...TEMPLATE, ...KUBERNETES, ...options], { input }).then(parseObjects);
  rendered.set(key, objects);
  return objects;
}

/** The reason why helm refuses values. */
export async function refusal(values: Values, ...options: string[]): Promise<string> {
  return render(values, ...options).then(
    () => 'not refused',
    (error: Error) => error.message,
  );
}

/** `helm lint --strict`. */
export async function lint(values: Values): Promise<string> {
  return helm(['lint', '--strict', CHART, ...KUBERNETES, '--values', '-'], { input: JSON.stringify(values) });
}

/** Objects of a stream of YAML documents. */
export function parseObjects(text: string): KubernetesObject[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0];
      return document.toJS() as KubernetesObject | null;
    })
    .filter((object) => object !== null);
}

/** The only object of a kind whose name ends so. */
export function find(objects: readonly KubernetesObject[], kind: string, nameEnd = ''): KubernetesObject {
  const found = objects.filter((each) => each.kind === kind && each.metadata.name.endsWith(nameEnd));
  if (found.length !== 1 || !found[0]) throw new Error(`${found.length} objects of kind ${kind} end with ${nameEnd}`);
  return found[0];
}
