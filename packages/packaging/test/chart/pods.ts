import type { KubernetesObject } from './helm.ts';

export interface EnvVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
  };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVariable[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly hostPort?: number }[];
  readonly resources: { readonly limits?: Record<string, string>; readonly requests?: Record<string, string> };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: { readonly httpGet?: { readonly path: string } };
  readonly livenessProbe?: { readonly httpGet?: { readonly path: string } };
  readonly readinessProbe?: { readonly httpGet?: { readonly path: string } };
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

/** A pod, or what a Deployment or StatefulSet makes pods from. */
export interface Pod {
  readonly of: string;
  readonly component: string;
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec: PodSpec;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly topologySpreadConstraints?: readonly {
    readonly topologyKey: string;
    readonly labelSelector: { readonly matchLabels: object };
  }[];
}

/** Every pod of rendered objects. */
export function podsOf(objects: readonly KubernetesObject[]): Pod[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    const component = metadata.labels?.['app.kubernetes.io/component'] ?? '';
    const of = `${kind} ${metadata.name}`;
    if (kind === 'Pod')
      return [{ of, component, metadata: { labels: {}, ...metadata }, spec: spec as unknown as PodSpec }];
    return spec?.template ? [{ of, component, ...spec.template }] : [];
  });
}

export function podOf(objects: readonly KubernetesObject[], component: string): Pod {
  const [pod, ...others] = podsOf(objects).filter((each) => each.component === component);
  if (!pod || others.length > 0) throw new Error(`${component} needs exactly one kind of pod`);
  return pod;
}

export function containersOf(pod: Pod): Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/** Variables of a component's container by name. */
export function environmentOf(objects: readonly KubernetesObject[], component: string): Record<string, EnvVariable> {
  const [container] = containersOf(podOf(objects, component));
  return Object.fromEntries((container?.env ?? []).map((variable) => [variable.name, variable]));
}
