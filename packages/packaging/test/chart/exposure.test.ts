import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, readText } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, type KubernetesObject, refusal, render, type Values } from './helm.ts';
import { FULL, MINIMAL } from './values-matrix.ts';

/** For the cluster only: what the services have in common, and the calls between them. */
const INTERNAL = [
  '/metrics',
  '/healthz',
  '/readyz',
  '/api/internal',
  '/internal',
  '/api/codex-exec',
  '/api/exec-gateway',
];
/** What people and CLIs call. */
const PUBLIC = {
  'codex-auth': [
    '/',
    '/.well-known/jwks.json',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/account/password',
    '/agent-identities/jwks',
    '/api/account/password',
    '/api/accounts/deviceauth/token',
    '/api/accounts/deviceauth/usercode',
    '/api/admin/signing-keys',
    '/api/codex/agent-identities/jwks',
    '/api/codex/connectors/exe_1',
    '/api/codex/tokens',
    '/api/me',
    '/api/sessions',
    '/api/workspaces',
    '/backend-api/v1/agent/exe_1/task/register',
    '/backend-api/wham/agent-identities/jwks',
    '/codex/device',
    '/deviceauth/callback',
    '/login',
    '/logout',
    '/oauth/authorize',
    '/oauth/token',
    '/oauth/userinfo',
    '/v1/agent/exe_1/task/register',
  ],
  'codex-exec-gateway': [
    '/bridge/exe_1',
    '/cloud/environment/exe_1/connect',
    '/cloud/executor/exe_1/register',
    '/codex-exec/exe_1',
  ],
  'codex-app-gateway': ['/', '/codex-app/ws'],
} as const;
type Public = keyof typeof PUBLIC;
const SERVICES = Object.keys(PUBLIC) as Public[];

type Match = readonly [type: string, path: string];
const ofIngress = (objects: readonly KubernetesObject[], app: Public): Match[] =>
  (find(objects, 'Ingress', app).spec?.rules ?? []).flatMap(({ http }) =>
    http.paths.map(({ path, pathType }) => [pathType, path] as const),
  );
const ofRoute = (objects: readonly KubernetesObject[], app: Public): Match[] =>
  (find(objects, 'HTTPRoute', app).spec?.rules ?? []).flatMap(({ matches }) =>
    matches.map(({ path }) => [path.type.replace('PathPrefix', 'Prefix'), path.value] as const),
  );
const isMatched = (matches: readonly Match[], path: string) =>
  matches.some(([type, value]) => path === value || (type === 'Prefix' && path.startsWith(`${value}/`)));

describeWith(HELM)('what the world reaches', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  describe.each([
    ['an Ingress', ofIngress],
    ['a HTTPRoute', ofRoute],
  ] as const)('through %s', (_, matchesOf) => {
    it.each(SERVICES)('is all that people and CLIs call of %s', async (app) => {
      const matches = matchesOf(await render(FULL), app);
      expect(PUBLIC[app].filter((path) => !isMatched(matches, path))).toEqual([]);
    });

    it.each(SERVICES)('is nothing internal of %s', async (app) => {
      const matches = matchesOf(await render(FULL), app);
      expect(INTERNAL.filter((path) => isMatched(matches, path) || isMatched(matches, `${path}/a`))).toEqual([]);
    });

    it('has the path of the issuer in front, and its metadata where RFC 8414 §3.1 puts it', async () => {
      const codexAuth = { ...(FULL.codexAuth as object), publicUrl: 'https://example.com/codex-auth' };
      const matches = matchesOf(await render({ ...FULL, codexAuth }), 'codex-auth');
      for (const path of PUBLIC['codex-auth'])
        expect(isMatched(matches, `/codex-auth${path}`.replace(/\/$/, ''))).toBe(true);
      expect(isMatched(matches, '/.well-known/oauth-authorization-server/codex-auth')).toBe(true);
      expect(isMatched(matches, '/oauth/token')).toBe(false);
    });
  });

  // A new route belongs into templates/_public.tpl of the chart, or into INTERNAL above.
  it('is decided for every route of codex-auth', async () => {
    const matches = ofIngress(await render(FULL), 'codex-auth');
    const undecided = routesOf('codex-auth').filter(
      (path) => !isMatched(matches, path) && !INTERNAL.some((each) => path === each || path.startsWith(`${each}/`)),
    );
    expect(undecided).toEqual([]);
    expect(routesOf('codex-auth').length).toBeGreaterThan(20);
  });

  it('is at the hosts of the public addresses', async () => {
    const objects = await render(FULL);
    const hosts = SERVICES.map((app) => [
      find(objects, 'Ingress', app).spec?.rules?.[0]?.host,
      find(objects, 'HTTPRoute', app).spec?.hostnames?.[0],
    ]);
    expect(hosts).toEqual([
      ['auth.example.com', 'auth.example.com'],
      ['exec.example.com', 'exec.example.com'],
      ['codex.example.com', 'codex.example.com'],
    ]);
  });

  it('lets WebSockets stay open for hours', async () => {
    const objects = await render(FULL);
    for (const app of ['codex-exec-gateway', 'codex-app-gateway'] as const) {
      expect(find(objects, 'HTTPRoute', app).spec?.rules?.map(({ timeouts }) => timeouts.request)).toEqual(['0s']);
      expect(find(objects, 'Ingress', app).metadata.annotations).toMatchObject({
        'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600',
        'nginx.ingress.kubernetes.io/proxy-send-timeout': '3600',
      });
    }
  });

  it('keeps within what a HTTPRoute may have: 16 rules of 8 matches', async () => {
    for (const { spec } of (await render(FULL)).filter(({ kind }) => kind === 'HTTPRoute')) {
      expect(spec?.rules?.length).toBeLessThanOrEqual(16);
      for (const { matches } of spec?.rules ?? []) expect(matches.length).toBeLessThanOrEqual(8);
    }
  });

  it('sends a client to whichever replica of the app-gateway, and nobody from outside over a hop between them', async () => {
    const objects = await render(FULL);
    const ingress = find(objects, 'Ingress', 'codex-app-gateway');
    expect(Object.keys(ingress.metadata.annotations ?? {})).not.toContain(
      'nginx.ingress.kubernetes.io/upstream-hash-by',
    );
    expect(JSON.stringify(ingress.spec)).not.toContain('forwarded');
    expect(find(objects, 'Service', 'codex-app-gateway').spec).not.toHaveProperty('sessionAffinity');
  });

  it('is nothing without being asked for', async () => {
    const objects = await render(MINIMAL);
    expect(objects.filter(({ kind }) => kind === 'Ingress' || kind === 'HTTPRoute')).toEqual([]);
  });

  it.each([
    [
      'a path in the address of the app-gateway',
      { appGateway: { publicUrl: 'wss://example.com/codex' } },
      /codex --remote does not take/,
    ],
    [
      'a path in the address of the exec-gateway',
      { execGateway: { publicUrl: 'https://example.com/exec' } },
      /host name of its own/,
    ],
    [
      'an Ingress without an address',
      { appGateway: { ingress: { enabled: true } } },
      /appGateway\.publicUrl is needed/,
    ],
    [
      'a HTTPRoute without a Gateway',
      { appGateway: { publicUrl: 'wss://a.example', httpRoute: { enabled: true } } },
      /httpRoute\.parentRefs is needed/,
    ],
  ])('is refused with %s', async (_, values, reason) => {
    expect(await refusal({ ...MINIMAL, ...(values as Values) }, '--skip-schema-validation')).toMatch(reason);
  });
});

/** Paths that an app's routes name, with `a` for their parameters. */
function routesOf(app: string): string[] {
  const files = readdirSync(join(ROOT, 'apps', app, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files
    .filter((file) => /routes?\.ts$|pages\.ts$/.test(file))
    .map((file) => readText(join('apps', app, 'src', file)));
  const literals = sources.flatMap((source) => source.match(/(?<=')\/[\w./:-]*(?=')/g) ?? []);
  return [...new Set(literals)].map((path) => path.replace(/:\w+/g, 'a')).sort();
}
