import { FIRST_USER, useAuthService } from '../../test/use-auth-service.ts';
import { WebSession } from '../../test/web-session.ts';

const auth = useAuthService({ CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '5', CODEX_AUTH_TRUSTED_PROXY_HOPS: '1' });

async function from(address: string, email: string): Promise<Response> {
  const web = new WebSession(auth.url);
  const page = await (await web.get('/login')).text();
  const csrf = /name="csrf_token" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const fields = { email, password: 'wrong password', csrf_token: csrf };
  return web.post('/login', fields, { 'x-forwarded-for': `203.0.113.77, ${address}` });
}

describe('sign-in attempts from one address', () => {
  it('are limited, whoever they are for, and the answer says how long to wait', async () => {
    for (let count = 0; count < 5; count += 1) {
      expect((await from('198.51.100.1', `nobody-${count}@localhost`)).status).toBe(401);
    }
    const refused = await from('198.51.100.1', FIRST_USER.email);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await from('198.51.100.2', FIRST_USER.email)).status).toBe(401);
  });

  it('are those of all addresses of an IPv6 network that one caller has', async () => {
    for (let count = 0; count < 5; count += 1) {
      expect((await from(`2001:db8:1:2:${count}::${count}`, `nobody-${count}@localhost`)).status).toBe(401);
    }
    expect((await from('2001:db8:1:2:ffff::1', FIRST_USER.email)).status).toBe(429);
    expect((await from('2001:db8:1:3::1', FIRST_USER.email)).status).toBe(401);
  });
});
