import { createCodexHome, freePort, startCodex, useBrowser, useCleanup } from '@codex-gateways/testing';
import { exitOf } from './codex-cli.ts';
import { type RealProvider, startRealProvider } from './real-provider.ts';
import { INTERNAL_SECRET, useAuthService } from './use-auth-service.ts';

const USER_CODE = /[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/;
let provider: RealProvider;
const cleanup = useCleanup();
afterAll(() => provider?.close());
const auth = useAuthService(async () => {
  const port = String(await freePort());
  const baseUrl = `http://127.0.0.1:${port}`;
  provider = await startRealProvider();
  return {
    CODEX_AUTH_PORT: port,
    CODEX_AUTH_ISSUER_URL: baseUrl,
    CODEX_AUTH_LOCAL_ACCOUNTS: 'off',
    UPSTREAM_TOKEN: provider.initialAccessToken,
    CODEX_AUTH_UPSTREAMS: JSON.stringify([
      {
        ...{ name: 'corp', display_name: 'Example Corp', type: 'oidc', issuer: provider.issuer },
        registration: { initial_access_token_env: 'UPSTREAM_TOKEN' },
        scopes: ['openid', 'email', 'profile', 'offline_access'],
        allowed_email_domains: ['example.com'],
      },
    ]),
  };
});
const browser = useBrowser();

describe('in front of a real identity provider, where this server registers itself, in a real browser', () => {
  it('a person signs in there, approves a device here, and the Codex CLI is logged in', async () => {
    const home = await createCodexHome();
    cleanup.after(() => home.remove());
    const codex = await startCodex({ home, args: ['login', '--device-auth', '--experimental_issuer', auth.url] });
    const [userCode] = await codex.waitForOutput(USER_CODE, 100_000);
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      const isOurs = message.location().url.startsWith(auth.url) && !message.text().includes('favicon');
      if (message.type() === 'error' && isOurs) complaints.push(message.text());
    });
    await page.goto(`${auth.url}/codex/device?user_code=${userCode}`);
    await page.waitForURL(`${provider.issuer}/**`);
    await page.getByPlaceholder('Enter any login').fill('ann');
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${auth.url}/codex/device**`);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('status').waitFor();
    expect(await exitOf(codex)).toMatchObject({ code: 0 });
    expect((await home.readAuth())?.tokens?.account_id).toMatch(/^ws_/);
    expect(complaints).toEqual([]);
    expect(provider.registered).toHaveLength(1);
    await page.goto(`${auth.url}/account`);
    await page.getByText('ann@example.com').waitFor();
  });

  it('a service gets fresh tokens of the provider, which is asked once, until the person signs out', async () => {
    const page = await browser.newPage();
    await page.goto(`${auth.url}/login`);
    await page.getByPlaceholder('Enter any login').fill('ben');
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('ben@example.com').waitFor();
    const { rows } = await auth.db.query("select id from codex_auth.users where email = 'ben@example.com'");
    const ask = async () => {
      const answer = await fetch(`${auth.url}/internal/codex-auth/upstream-token`, {
        method: 'POST',
        headers: { 'x-internal-secret': INTERNAL_SECRET, 'content-type': 'application/json' },
        body: JSON.stringify({ user_id: rows[0]?.id, provider: 'corp' }),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const first = await ask();
    expect(first).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    auth.clock.advance(590);
    const refreshed = await ask();
    expect(refreshed.body.access_token).not.toBe(first.body.access_token);
    const said = await fetch(`${provider.issuer}/me`, {
      headers: { authorization: `Bearer ${refreshed.body.access_token}` },
    });
    expect(await said.json()).toMatchObject({ sub: 'ben' });
    expect((await ask()).body.access_token).toBe(refreshed.body.access_token);
    expect(provider.refreshes()).toBe(1);
    expect(provider.registered).toHaveLength(1);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in' }).waitFor();
    expect((await ask()).status).toBe(404);
  });
});
