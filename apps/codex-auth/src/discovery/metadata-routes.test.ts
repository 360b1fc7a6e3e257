import { useAuthService } from '../../test/use-auth-service.ts';

async function read(url: string) {
  const answer = await fetch(url);
  return { status: answer.status, body: answer.status === 200 ? await answer.json() : undefined };
}

describe('discovery of an issuer without a path', () => {
  const auth = useAuthService();

  it.each(['openid-configuration', 'oauth-authorization-server', 'openid-configuration/'])(
    'serves %s',
    async (name) => {
      const { status, body } = await read(`${auth.url}/.well-known/${name}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        issuer: auth.url,
        authorization_endpoint: `${auth.url}/oauth/authorize`,
        token_endpoint: `${auth.url}/oauth/token`,
        jwks_uri: `${auth.url}/.well-known/jwks.json`,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      });
    },
  );

  it('names endpoints that exist', async () => {
    const { body } = await read(`${auth.url}/.well-known/openid-configuration`);
    const endpoints = Object.entries(body as Record<string, string>).filter(([name]) => /_(endpoint|uri)$/.test(name));
    expect(endpoints.length).toBeGreaterThan(6);
    for (const [name, url] of endpoints) {
      const method = /authorization_endpoint$|jwks_uri/.test(name) && !/device/.test(name) ? 'GET' : 'POST';
      expect({ name, status: (await fetch(url, { method, redirect: 'manual' })).status }).not.toMatchObject({
        status: 404,
      });
    }
  });
});

describe('discovery of an issuer with a path (RFC 8414 §3.1)', () => {
  const auth = useAuthService({ CODEX_AUTH_ISSUER_URL: 'https://auth.example/codex-auth' });
  const issuer = 'https://auth.example/codex-auth';

  it.each([
    '/.well-known/oauth-authorization-server/codex-auth',
    '/.well-known/oauth-authorization-server/codex-auth/',
    '/.well-known/openid-configuration/codex-auth',
    '/codex-auth/.well-known/openid-configuration',
    '/codex-auth/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
  ])('answers on %s', async (path) => {
    expect(await read(auth.url + path)).toMatchObject({
      status: 200,
      body: { issuer, token_endpoint: `${issuer}/oauth/token` },
    });
  });

  it.each(['/.well-known/jwks.json/codex-auth', '/.well-known/jwks.json/codex-auth/'])(
    'has its keys on %s as well',
    async (path) => {
      expect(await read(auth.url + path)).toEqual(await read(`${auth.url}/.well-known/jwks.json`));
    },
  );

  it('serves everything under the path and, for proxies that take it off, at the root', async () => {
    for (const base of ['', '/codex-auth']) {
      expect((await fetch(`${auth.url}${base}/login`)).status).toBe(200);
      expect((await fetch(`${auth.url}${base}/.well-known/jwks.json`)).status).toBe(200);
      expect((await fetch(`${auth.url}${base}/api/me`)).status).toBe(401);
    }
    expect((await fetch(`${auth.url}/other/login`)).status).toBe(404);
  });

  it('links and redirects below the path, with cookies for https', async () => {
    const page = await fetch(`${auth.url}/login`);
    expect(await page.text()).toContain('action="/codex-auth/login"');
    expect(page.headers.get('set-cookie')).toMatch(/^__Host-codex_csrf=.*; Secure/);
    const device = await fetch(`${auth.url}/codex/device`, { redirect: 'manual' });
    expect(device.headers.get('location')).toBe('/codex-auth/login?return_to=%2Fcodex-auth%2Fcodex%2Fdevice');
  });
});
