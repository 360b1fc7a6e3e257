import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OAuthClient } from '../../test/oauth-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';

let answer: (req: IncomingMessage, res: ServerResponse) => void;
const agentserver = createServer((req, res) => answer(req, res));

function says(status: number, body: unknown): void {
  answer = (_req, res) => {
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

/** A product that knows one person by one cookie. */
function knows(person: { user_id: string; email: string }): void {
  answer = (req, res) => {
    const isKnown = req.url === '/session' && req.headers.cookie === 'product=known';
    res
      .writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
      .end(JSON.stringify(isKnown ? person : {}));
  };
}

beforeAll(async () => {
  agentserver.listen(0, '127.0.0.1');
  await once(agentserver, 'listening');
});
afterAll(() => {
  agentserver.closeAllConnections();
  agentserver.close();
});

const auth = useAuthService(async () => ({
  CODEX_AUTH_SESSION_RESOLVER: 'agentserver',
  CODEX_AUTH_AGENTSERVER_SESSION_URL: `http://127.0.0.1:${(agentserver.address() as AddressInfo).port}/session`,
  CODEX_AUTH_LOGIN_REDIRECT_URL: 'https://product.example/sign-in',
}));
const client = new OAuthClient(() => auth.url);

async function me(cookie?: string) {
  const response = await fetch(`${auth.url}/api/me`, { headers: cookie ? { cookie } : {} });
  return { status: response.status, body: await response.json() };
}

describe('sessions of a product around this service', () => {
  it('sign a person in by the cookie of the product, who gets a user and a workspace the first time', async () => {
    knows({ user_id: 'product-user-1', email: 'person@product.example' });
    const first = await Promise.all([me('product=known'), me('product=known'), me('product=known')]);
    for (const { status, body } of first) {
      expect({ status, body }).toEqual({
        status: 200,
        body: { id: 'product-user-1', email: 'person@product.example', role: 'member' },
      });
    }
    const { rows } = await auth.db.query(
      "select count(*)::int as workspaces from codex_auth.workspace_members where user_id = 'product-user-1'",
    );
    expect(rows).toEqual([{ workspaces: 1 }]);
  });

  it('let the person answer a client', async () => {
    knows({ user_id: 'product-user-1', email: 'person@product.example' });
    const response = await fetch(auth.url + client.authorizePath(), {
      headers: { cookie: 'product=known' },
      redirect: 'manual',
    });
    expect(response.headers.get('location')).toContain('code=');
  });

  it('are asked of nobody without a cookie, and a no is a no', async () => {
    knows({ user_id: 'product-user-1', email: 'person@product.example' });
    expect([(await me()).status, (await me('product=other')).status]).toEqual([401, 401]);
  });

  it.each<[string, number, unknown]>([
    ['an error', 500, {}],
    ['another form', 200, { user: 'x' }],
    ['an id with spaces', 200, { user_id: 'a b', email: 'a@b' }],
    ['no JSON', 200, undefined],
  ])('are unknown, not absent, when the product answers with %s', async (_what, status, body) => {
    says(status, body);
    expect((await me('product=known')).status).toBe(503);
  });

  it('do not make one person another who has the same address here', async () => {
    knows({ user_id: 'product-user-2', email: 'DEV@localhost' });
    expect((await me('product=known')).status).toBe(401);
  });

  it('do not help a user who is disabled here', async () => {
    knows({ user_id: 'product-user-1', email: 'person@product.example' });
    await auth.db.query("update codex_auth.users set disabled_at = now() where id = 'product-user-1'");
    expect((await me('product=known')).status).toBe(401);
  });

  it('are opened by the product: strangers are sent there, and there is no page of our own', async () => {
    const response = await fetch(auth.url + client.authorizePath(), { redirect: 'manual' });
    const location = new URL(response.headers.get('location') ?? '');
    expect(location.origin + location.pathname).toBe('https://product.example/sign-in');
    expect(location.searchParams.get('return_to')).toMatch(new RegExp(`^${auth.url}/oauth/authorize\\?`));
    expect((await fetch(`${auth.url}/login`)).status).toBe(404);
  });
});
