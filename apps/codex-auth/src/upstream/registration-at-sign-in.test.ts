import { createLogger } from '@codex-gateways/service';
import { freePort } from '@codex-gateways/testing';
import { HostileProvider } from '../../test/hostile-provider.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { UpstreamWorld } from '../../test/use-upstreams.ts';

const INITIAL_ACCESS_TOKEN = 'hunter2-initial-access-token';
const CLIENT_SECRET = 'hunter2-client-secret';
const PATH = '/login/upstream/forge';

/** What the registration endpoint answers: a status, with a body. */
let registration: { status: number; body: object };
const lines: Record<string, unknown>[] = [];
const log = createLogger({ service: 'test', level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) });
const providers = new Map<string, HostileProvider>();
afterAll(() => providers.get('forge')?.close());
const auth = useAuthService(
  async () => {
    const provider = await HostileProvider.start();
    providers.set('forge', provider);
    const port = String(await freePort());
    const baseUrl = `http://127.0.0.1:${port}`;
    const entry = {
      ...{ name: 'forge', type: 'oauth2', allow_anyone: true, scopes: ['user:read'] },
      authorization_endpoint: `${provider.issuer}/authorize`,
      token_endpoint: `${provider.issuer}/token`,
      userinfo_endpoint: `${provider.issuer}/userinfo`,
      redirect_uri: `${baseUrl}/oauth/callback/forge`,
      registration: {
        registration_endpoint: `${provider.issuer}/register`,
        initial_access_token_env: 'FORGE_TOKEN',
      },
    };
    return {
      CODEX_AUTH_PORT: port,
      CODEX_AUTH_ISSUER_URL: baseUrl,
      CODEX_AUTH_UPSTREAMS: JSON.stringify([entry]),
      FORGE_TOKEN: INITIAL_ACCESS_TOKEN,
    };
  },
  { log },
);
const world = new UpstreamWorld(auth, providers);

function beginAgain() {
  // A failure is remembered for a while.
  auth.clock.advance(11);
  lines.length = 0;
  const forge = world.provider('forge');
  forge.requests.length = 0;
  forge.lies = {
    token: { id_token: undefined },
    callback: { iss: undefined },
    answer: (request, response) => {
      if (request.url !== '/register') return false;
      const { status, body } = registration;
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      return true;
    },
  };
}

const registrations = () =>
  world.provider('forge').requests.filter(({ path, authorization }) => path === '/register' && authorization);
const complaints = () => lines.filter(({ level }) => level === 'warn' || level === 'error');

describe('a provider without an issuer, where this server registers itself at an endpoint by hand', () => {
  beforeEach(beginAgain);
  afterEach(() => auth.clock.run());

  it.each([
    [
      'refuses',
      400,
      { error: 'invalid_redirect_uri', error_description: INITIAL_ACCESS_TOKEN },
      502,
      'invalid_redirect',
    ],
    ['says what it was sent', 400, { error: INITIAL_ACCESS_TOKEN }, 502, 'answers 400'],
    ['wants another initial access token', 401, { error: 'invalid_token' }, 502, 'invalid_token'],
    ['says later', 503, {}, 503, 'answers 503'],
    ['gives no client', 201, { client_secret: CLIENT_SECRET }, 502, 'client_id'],
    ['redirects', 302, {}, 502, 'answers 302'],
  ])(
    'that %s: people see a page, and the log says why, once and without a secret',
    async (_, status, body, shown, why) => {
      registration = { status, body };
      const answer = await world.newBrowser().get(`${PATH}?return_to=/account`);
      const page = await answer.text();
      expect([answer.status, answer.headers.get('content-type')]).toEqual([shown, 'text/html; charset=utf-8']);
      expect(answer.headers.get('retry-after')).toBe(shown === 503 ? '5' : null);
      expect(page).toMatch(/forge (does not answer|gave an answer that cannot be used)/);
      expect(page).toContain('href="/login?return_to=%2Faccount"');
      expect(complaints().filter(({ reason }) => String(reason).includes(why))).toHaveLength(1);
      expect(page + JSON.stringify(lines)).not.toContain('hunter2');
      expect(answer.headers.getSetCookie()).toEqual([]);
    },
  );

  it('is not asked again at once after it failed, whoever comes', async () => {
    registration = { status: 503, body: {} };
    auth.clock.stop();
    const ask = () => world.newBrowser().get(PATH);
    const statuses = (await Promise.all([ask(), ask(), ask()])).map(({ status }) => status);
    expect([...statuses, (await ask()).status]).toEqual([503, 503, 503, 503]);
    expect(registrations()).toHaveLength(1);
  });

  it('registers this server once, and signs people in as that client', async () => {
    registration = { status: 201, body: { client_id: 'registered', client_secret: CLIENT_SECRET } };
    const away = await world.setOut(world.newBrowser(), PATH);
    expect(away.searchParams.get('client_id')).toBe('registered');
    const { web, answer } = await world.signIn(undefined, PATH);
    expect(answer.status).toBe(303);
    expect(await world.me(web)).toMatchObject({ email: 'ann@example.com' });
    const { requests } = world.provider('forge');
    const authorizations = (path: string) =>
      requests.filter((each) => each.path === path).map((each) => each.authorization);
    expect(authorizations('/register')).toEqual([`Bearer ${INITIAL_ACCESS_TOKEN}`]);
    const [, basic = ''] = /^Basic (.+)$/.exec(authorizations('/token')[0] ?? '') ?? [];
    // Each half is form-encoded (RFC 6749 §2.3.1).
    expect(decodeURIComponent(Buffer.from(basic, 'base64').toString())).toBe(`registered:${CLIENT_SECRET}`);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});
