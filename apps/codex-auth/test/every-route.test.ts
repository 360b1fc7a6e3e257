import type { ServedRoute } from '@codex-gateways/service';
import { waitFor } from '@codex-gateways/testing';
import fc from 'fast-check';
import { HostileProvider } from './hostile-provider.ts';
import { type Credentials, type HostileRequest, hostileRequests } from './hostile-requests.ts';
import { type RawAnswer, sendRaw } from './raw-http.ts';
import { INTERNAL_SECRET } from './use-auth-service.ts';
import { oidcEntry } from './use-upstreams.ts';
import { useWorld } from './use-world.ts';

/** `FUZZ_REQUESTS=10000` is the full measure; it takes minutes. Another `FUZZ_SEED` makes other requests. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 2000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const CONCURRENCY = 8;
const BATCH = 250;

const LIMITS =
  'LOGIN_ATTEMPTS_PER_ADDRESS DEVICE_LOGINS_PER_ADDRESS REGISTRATIONS_PER_ADDRESS AGENT_FAILURES_PER_MINUTE';
let provider: HostileProvider | undefined;
afterAll(() => provider?.close());
const world = useWorld(async () => {
  provider = await HostileProvider.start();
  return {
    ...Object.fromEntries(LIMITS.split(' ').map((limit) => [`CODEX_AUTH_${limit}`, '100000'])),
    CODEX_AUTH_DYNAMIC_REGISTRATION: 'open',
    CODEX_AUTH_BCRYPT_COST: '4',
    UPSTREAM_SECRET: 'secret of the client',
    // Under a name that the requests have in their paths.
    CODEX_AUTH_UPSTREAMS: JSON.stringify([oidcEntry('x', provider.issuer)]),
  };
});

const PAGES =
  /^\/($|login|logout|account|assets|codex\/device|oauth\/(authorize|consent|callback)|deviceauth\/callback)/;
const INTERNAL = /^\/(api\/)?internal\//;

/** The form in which the protocol of a route refuses; a route that is not known here is of the API. */
function refusalForm({ path }: ServedRoute): 'page' | 'oauth' | 'code' | 'object' {
  if (PAGES.test(path)) return 'page';
  if (path.startsWith('/oauth/')) return 'oauth';
  return INTERNAL.test(path) ? 'code' : 'object';
}

/** What is wrong with an answer; undefined when it is as it should be. */
function problemOf({ route, method }: HostileRequest, answer: RawAnswer): string | undefined {
  const { status, headers, body } = answer;
  if (status >= 500) return `answered ${status}`;
  // The HTTP parser refuses what is no HTTP before any route sees it.
  const isRouted = headers.has('x-request-id');
  if (status < 400 || !isRouted || method === 'HEAD') return undefined;
  if (status === 405) return headers.has('allow') ? undefined : 'refused the method without naming others';
  const form = refusalForm(route);
  if (form === 'page')
    return /^text\/html/.test(headers.get('content-type') ?? '') ? undefined : 'refused without a page';
  const refusal = parsed(body);
  const isRight =
    form === 'object'
      ? typeof refusal?.error?.code === 'string' && typeof refusal.error.message === 'string'
      : typeof refusal?.error === 'string' && (form === 'code' || typeof refusal.error_description === 'string');
  return isRight ? undefined : `refused with ${status} in another form than ${form}: ${body.slice(0, 200)}`;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever came
function parsed(body: string): any {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

async function freshCredentials(): Promise<readonly Credentials[]> {
  const admin = await world.addPerson({ role: 'admin' });
  await world.addWorkspace([{ person: admin, role: 'owner' }]);
  const bearer = await world.accessTokenOf(admin, { scope: 'openid codex.api' });
  return [
    [],
    [['Cookie', admin.cookie]],
    [['Authorization', `Bearer ${bearer}`]],
    [['X-Internal-Secret', INTERNAL_SECRET]],
    [
      ['Cookie', admin.cookie],
      ['X-Internal-Secret', INTERNAL_SECRET],
      ['Origin', world.auth.url],
    ],
  ];
}

async function problemsOf(requests: readonly HostileRequest[]): Promise<string[]> {
  const port = Number(new URL(world.auth.url).port);
  const problems: string[] = [];
  const rest = requests.values();
  const sender = async () => {
    for (const request of rest) {
      const { method, target } = request;
      const problem = await sendRaw(port, request).then(
        (answer) => problemOf(request, answer),
        (error: unknown) => `got no answer: ${String(error)}`,
      );
      if (problem) problems.push(`${method} ${target.slice(0, 200)} ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, sender));
  return problems;
}

describe('every route that the service has', () => {
  it('is found', () => {
    const routes = world.auth.service.routes.map(({ method, path }) => `${method} ${path}`);
    expect(routes).toEqual(
      expect.arrayContaining([
        ...['GET /healthz', 'GET /', 'POST /login', 'POST /oauth/token', 'PUT /oauth/register/:clientId'],
        ...['POST /internal/codex-auth/validate', 'DELETE /api/codex/tokens/:id', 'GET /.well-known/jwks.json'],
        ...['GET /login/upstream/:name', 'GET /oauth/callback', 'POST /internal/codex-auth/upstream-token'],
      ]),
    );
    expect(routes.length).toBeGreaterThan(40);
  });

  it(`answers ${REQUESTS} malformed requests with no 5xx, and refuses in the form of its protocol`, async () => {
    const { routes } = world.auth.service;
    const problems: string[] = [];
    for (let sent = 0; sent < REQUESTS; sent += BATCH) {
      const arbitrary = hostileRequests(routes, await freshCredentials());
      problems.push(
        ...(await problemsOf(fc.sample(arbitrary, { seed: SEED + sent, numRuns: Math.min(BATCH, REQUESTS - sent) }))),
      );
    }
    expect(problems.slice(0, 20)).toEqual([]);
    const isReady = async () => (await world.send('GET', '/readyz')).status === 200;
    await waitFor(isReady, { timeoutMs: 60_000, describe: 'codex-auth to be ready still' });
    const person = await world.addPerson();
    expect((await world.call(person, 'GET', '/api/me')).body).toMatchObject({ id: person.id });
  }, 600_000);
});
