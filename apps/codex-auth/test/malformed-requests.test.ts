import fc from 'fast-check';
import { CLI_CLIENT_ID, OAuthClient } from './oauth-client.ts';
import { INTERNAL_SECRET, useAuthService } from './use-auth-service.ts';
import { formOf } from './web-session.ts';

/** Requests to any route, a third as many to the token endpoint. `FUZZ_REQUESTS=10000` is the full measure, as in every-route.test.ts. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 600);

const auth = useAuthService({
  CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '100000',
  CODEX_AUTH_DEVICE_LOGINS_PER_ADDRESS: '100000',
  CODEX_AUTH_USER_CODE_ATTEMPTS: '1000',
});
const client = new OAuthClient(() => auth.url);

const ROUTES: readonly (readonly [string, string])[] = [
  ['GET', '/oauth/authorize'],
  ['POST', '/oauth/authorize'],
  ['POST', '/oauth/consent'],
  ['POST', '/oauth/token'],
  ['POST', '/oauth/revoke'],
  ['POST', '/oauth/introspect'],
  ['POST', '/oauth/device_authorization'],
  ['GET', '/oauth/userinfo'],
  ['POST', '/api/accounts/deviceauth/usercode'],
  ['POST', '/api/accounts/deviceauth/token'],
  ['GET', '/codex/device'],
  ['POST', '/codex/device'],
  ['GET', '/login'],
  ['POST', '/login'],
  ['GET', '/'],
  ['GET', '/api/me'],
  ['GET', '/api/workspaces'],
  ['GET', '/api/codex/tokens'],
  ['POST', '/api/codex/tokens'],
  ['DELETE', '/api/codex/tokens/x'],
  ['GET', '/api/codex/connectors'],
  ['POST', '/api/internal/codex/tokens/verify'],
  ['POST', '/internal/codex-auth/validate'],
  ['POST', '/v1/agent/exe_1/task/register'],
];

const NAMES = [
  'grant_type client_id client_secret code code_verifier redirect_uri refresh_token scope device_code token',
  'token_type_hint response_type code_challenge code_challenge_method state nonce prompt max_age login_hint',
  'email password csrf_token return_to user_code decision request device_auth_id workspace_id name scheme assertion',
].flatMap((line) => line.split(' '));

const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    ...['', '\0', '\ud800', '%00', '../..', "' or 1=1 --", 'a'.repeat(43), '-1', '1e309', 'null', 'none', 'S256'],
    ...['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', CLI_CLIENT_ID],
    ...['http://localhost:1455/auth/callback', 'code', 'BBBB-BBBB', 'dev@localhost', 'bearer', 'agent_assertion'],
  ),
);
const parameters = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string()), value), { maxLength: 12 });
const body = fc.oneof(
  parameters.map((pairs) => ({
    type: 'application/x-www-form-urlencoded',
    text: new URLSearchParams(pairs).toString(),
  })),
  parameters.map((pairs) => ({ type: 'application/json', text: JSON.stringify(Object.fromEntries(pairs)) })),
  fc.json().map((text) => ({ type: 'application/json', text })),
  fc
    .tuple(fc.constantFrom('application/json', 'application/x-www-form-urlencoded', 'text/plain', ''), fc.string())
    .map(([type, text]) => ({ type, text })),
);
const header = fc.constantFrom(
  '',
  'Bearer x',
  'Basic x',
  'Basic Og==',
  'Basic JTpi',
  'Basic eDp5',
  `Bearer ${'a'.repeat(43)}`,
);

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: { type: string; text: string };
  readonly authorization: string;
  readonly cookie: string;
}

async function send({ method, path, query, body: { type, text }, authorization, cookie }: Sent): Promise<Response> {
  const headers: Record<string, string> = { 'x-internal-secret': INTERNAL_SECRET, cookie };
  if (type !== '') headers['content-type'] = type;
  if (authorization !== '') headers.authorization = authorization;
  const content = method === 'GET' ? {} : { body: text };
  return fetch(`${auth.url}${path}?${query}`, { method, headers, redirect: 'manual', ...content });
}

/** A form that passes the check for forged ones, so that what is behind it is reached. */
function signed({ text }: { text: string }, csrfToken: string) {
  return { body: { type: 'application/x-www-form-urlencoded', text: `${text}&csrf_token=${csrfToken}` } };
}

describe('malformed requests', () => {
  it('never cost the token endpoint more than a 4xx in the form of RFC 6749 §5.2', async () => {
    await fc.assert(
      fc.asyncProperty(body, header, async (sent, authorization) => {
        const request = { method: 'POST', path: '/oauth/token', query: '', cookie: '', body: sent, authorization };
        const answer = await send(request);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(await answer.json()).toMatchObject({ error: expect.any(String), error_description: expect.any(String) });
      }),
      { numRuns: Math.ceil(REQUESTS / 3) },
    );
  }, 600_000);

  it('never cost any route a 5xx, whether somebody is signed in or not', async () => {
    const web = await client.signedIn();
    const { csrf_token = '' } = formOf(await (await web.get('/codex/device')).text()).hidden;
    const cookies = [...web.cookies].map(([name, cookieValue]) => `${name}=${cookieValue}`).join('; ');
    const request = fc.record({
      route: fc.constantFrom(...ROUTES),
      query: fc.oneof(
        parameters.map((pairs) => new URLSearchParams(pairs).toString()),
        fc.string().map(encodeURI.bind(null)),
      ),
      body,
      authorization: header,
      isOwnForm: fc.boolean(),
      cookie: fc.constantFrom('', cookies, 'codex_session=', 'codex_session=%00', `codex_session=${'a'.repeat(43)}`),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ route: [method, path], isOwnForm, ...rest }) => {
        const answer = await send({ method, path, ...rest, ...(isOwnForm ? signed(rest.body, csrf_token) : {}) });
        expect({ path, isOurFault: answer.status >= 500 }).toEqual({ path, isOurFault: false });
        await answer.arrayBuffer();
      }),
      { numRuns: REQUESTS },
    );
  }, 600_000);

  it.each([
    '/api/codex/tokens/%ff',
    '/api/codex/tokens/%00',
    '/%',
    '/login?return_to=%ff',
    '//',
    '/..%2f..%2fetc/passwd',
  ])('in the path: %s', async (path) => {
    const web = await client.signedIn();
    expect((await web.get(`${auth.url}${path}`)).status).toBeLessThan(500);
  });
});
