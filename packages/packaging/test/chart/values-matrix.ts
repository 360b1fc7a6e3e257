import type { Values } from './helm.ts';

/** The least that an installation has to say. */
export const MINIMAL: Values = {
  images: { registry: 'registry.example.com/platform' },
  database: { existingSecret: 'codex-database' },
  codexAuth: { publicUrl: 'https://auth.example.com' },
  execGateway: { publicUrl: 'https://exec.example.com' },
};

const INGRESS_NGINX = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } };
const MONITORING = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };

/** A trial: everything in the cluster. */
export const TRIAL: Values = {
  ...MINIMAL,
  database: {},
  postgresql: { enabled: true },
  codexAuth: { publicUrl: 'https://auth.example.com', firstUserEmail: 'admin@example.com' },
};

/** An identity provider: an entry of CODEX_AUTH_UPSTREAMS. */
export const UPSTREAM = {
  name: 'corp',
  display_name: 'The "corp" & Söhne',
  type: 'oidc',
  issuer: 'https://id.example.com',
  client_id: 'codex',
  client_secret_env: 'CORP_SECRET',
  allowed_email_domains: ['example.com'],
};

/** Every option on. */
export const FULL: Values = {
  nameOverride: 'cx',
  fullnameOverride: 'cx-prod',
  commonLabels: { team: 'platform' },
  images: { registry: 'registry.example.com/platform', pullPolicy: 'Always', pullSecrets: ['registry-credentials'] },
  database: { existingSecret: 'codex-database' },
  codexAuth: {
    publicUrl: 'https://auth.example.com',
    firstUserEmail: 'admin@example.com',
    image: { repository: 'codex-auth', digest: `sha256:${'0'.repeat(64)}` },
    autoscaling: { enabled: true },
    ingress: {
      enabled: true,
      className: 'nginx',
      annotations: { 'cert-manager.io/cluster-issuer': 'public' },
      tlsSecretName: 'auth-tls',
    },
    httpRoute: { enabled: true, parentRefs: [{ name: 'public', namespace: 'gateways' }] },
    localAccounts: false,
    upstreams: [UPSTREAM],
    upstreamSecrets: [{ variable: 'CORP_SECRET', name: 'corp-client', key: 'client-secret' }],
    ...everyPodOption('CODEX_AUTH_ACCESS_TOKEN_TTL', '30m'),
  },
  execGateway: {
    publicUrl: 'https://exec.example.com',
    autoscaling: { enabled: true, targetConnections: 2000 },
    ingress: { enabled: true, className: 'nginx', tlsSecretName: 'exec-tls' },
    httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] },
    ...everyPodOption('CXG_AUDIT_RETENTION', '30d'),
  },
  appGateway: {
    publicUrl: 'wss://codex.example.com',
    inboundAuth: 'hmac',
    model: {
      name: 'gpt-5.1-codex',
      provider: 'my-models',
      baseUrl: 'https://api.openai.com/v1',
      wireApi: 'responses',
      apiKeySecret: { name: 'openai', key: 'api-key' },
    },
    persistence: { storageClassName: 'fast' },
    autoscaling: { enabled: true, targetConnections: 200 },
    ingress: { enabled: true, className: 'nginx', tlsSecretName: 'codex-tls' },
    httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] },
    ...everyPodOption('CXG_IDLE_SHUTDOWN', '10m'),
  },
  networkPolicy: {
    publicFrom: [INGRESS_NGINX],
    metricsFrom: [MONITORING],
    databasePeers: [{ ipBlock: { cidr: '10.20.0.0/16' } }],
    modelPeers: [{ ipBlock: { cidr: '10.30.0.0/16' } }],
    modelPort: 8443,
    identityProviderPeers: [{ ipBlock: { cidr: '10.40.0.0/16' } }],
  },
  monitoring: {
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
    dashboard: { enabled: true },
  },
};

/** Nothing of its own: secrets from a store, a database and an ingress elsewhere. */
export const EXTERNAL: Values = {
  ...MINIMAL,
  secrets: {
    externalSecret: {
      enabled: true,
      secretStoreRef: { name: 'vault', kind: 'ClusterSecretStore' },
      remoteKey: 'platform/codex-gateways',
    },
  },
  appGateway: { publicUrl: 'wss://codex.example.com', persistence: { enabled: false } },
  ipFamily: 'IPv6',
};

/** An agentserver in place of codex-auth. */
export const AGENTSERVER: Values = {
  images: { registry: 'registry.example.com/platform' },
  database: { existingSecret: 'codex-database' },
  secrets: { existingSecret: 'codex-secrets' },
  agentserver: {
    enabled: true,
    internalUrl: 'http://agentserver.agents.svc:8080',
    networkPolicyPeers: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'agents' } } }],
  },
  execGateway: { publicUrl: 'https://exec.example.com' },
  networkPolicy: { publicFrom: [INGRESS_NGINX] },
  monitoring: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } },
};

export const MATRIX = { minimal: MINIMAL, trial: TRIAL, full: FULL, external: EXTERNAL, agentserver: AGENTSERVER };
export type MatrixEntry = keyof typeof MATRIX;
export const ENTRIES = Object.keys(MATRIX) as MatrixEntry[];

function everyPodOption(variable: string, value: string): Values {
  return {
    extraEnv: [{ name: variable, value }],
    extraVolumes: [{ name: 'authorities', secret: { secretName: 'private-ca' } }],
    extraVolumeMounts: [{ name: 'authorities', mountPath: '/etc/private-ca', readOnly: true }],
    podAnnotations: { 'example.com/note': 'a' },
    podLabels: { tier: 'backend' },
    serviceAccountAnnotations: { 'example.com/role': 'a' },
    serviceAnnotations: { 'example.com/exposed': 'no' },
    priorityClassName: 'important',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'dedicated', operator: 'Exists' }],
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  };
}
