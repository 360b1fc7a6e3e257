import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CodexHome, createCodexHome, runCodex, startCodex, useCleanup } from '@codex-gateways/testing';
import { OAuthClient } from './oauth-client.ts';
import { useAuthService } from './use-auth-service.ts';
import { formOf } from './web-session.ts';

const cleanup = useCleanup();
// Shorter than the five minutes within which the CLI refreshes before it uses a token.
const auth = useAuthService({ CODEX_AUTH_ACCESS_TOKEN_TTL: '2m' });
const client = new OAuthClient(() => auth.url);
const USER_CODE = /[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/;

async function newHome(): Promise<CodexHome> {
  const home = await createCodexHome();
  cleanup.after(() => home.remove());
  return home;
}

/** Runs the CLI's device login, and decides on the page it names. */
async function deviceLogin(home: CodexHome, decision: 'approve' | 'deny') {
  const codex = await startCodex({ home, args: ['login', '--device-auth', '--experimental_issuer', auth.url] });
  const [userCode] = await codex.waitForOutput(USER_CODE, 15_000);
  expect(codex.output).toContain(`${auth.url}/codex/device`);
  const web = await client.signedIn();
  const confirm = await web.submit('/codex/device', { user_code: userCode });
  const page = await confirm.text();
  expect(page).toContain('Codex CLI');
  const { action, hidden } = formOf(page);
  await web.post(action, { ...hidden, decision });
  return codex.exited;
}

async function loggedIn(): Promise<CodexHome> {
  const home = await newHome();
  expect(await deviceLogin(home, 'approve')).toMatchObject({ code: 0 });
  return home;
}

const atOurServer = () => ({ CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${auth.url}/oauth/token` });

/** Starts an executor, which refreshes before it registers, and once more when the registry says 401. */
async function runExecutor(home: CodexHome) {
  const bearers: string[] = [];
  const registry = createServer((req, res) => {
    bearers.push(req.headers.authorization?.replace('Bearer ', '') ?? '');
    const body = JSON.stringify({ error: { code: 'unauthorized', message: 'the registry of this test says no' } });
    res.writeHead(401, { 'content-type': 'application/json' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const { port } = registry.address() as AddressInfo;
  const args = ['exec-server', '--remote', `http://127.0.0.1:${port}`, '--environment-id', 'exe_1'];
  const exit = await runCodex({ home, args, env: atOurServer() });
  registry.close();
  return { ...exit, bearers };
}

async function refreshTokenOf(home: CodexHome): Promise<string> {
  return (await home.readAuth())?.tokens?.refresh_token ?? '';
}

describe('the real Codex CLI, logging in with a device code', () => {
  it('has its tokens once a person approved on the page', async () => {
    const home = await loggedIn();
    const tokens = (await home.readAuth())?.tokens;
    expect(tokens?.refresh_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(tokens?.account_id).toMatch(/^ws_/);
    expect(await client.me(tokens?.access_token ?? '')).toBe(200);
  });

  it('ends its login when the person denies it', async () => {
    const home = await newHome();
    const exit = await deviceLogin(home, 'deny');
    expect(exit.code).not.toBe(0);
    expect(exit.stderr).toContain('400');
    expect(await home.readAuth()).toBeUndefined();
  });
});

describe('the real Codex CLI, refreshing', () => {
  it('refreshes before a token expires and when it is told 401, and goes on with what it got', async () => {
    const home = await loggedIn();
    const before = (await home.readAuth())?.tokens;
    const { bearers } = await runExecutor(home);
    const after = (await home.readAuth())?.tokens;
    expect(bearers).toHaveLength(2);
    expect(new Set([before?.access_token, ...bearers]).size).toBe(3);
    expect(after?.access_token).toBe(bearers[1]);
    expect(after?.account_id).toBe(before?.account_id);
    expect((await client.refresh(after?.refresh_token ?? '')).status).toBe(200);
  });

  it('is not signed out when eight processes share one home and refresh at once', async () => {
    const home = await loggedIn();
    const executors = await Promise.all(Array.from({ length: 8 }, () => runExecutor(home)));
    for (const { stderr } of executors) expect(stderr).not.toContain('could not be refreshed');
    const again = await runExecutor(home);
    expect(again.stderr).not.toContain('could not be refreshed');
    expect((await client.refresh(await refreshTokenOf(home))).status).toBe(200);
  }, 60_000);

  it.each<[string, (refreshToken: string) => Promise<unknown>]>([
    ['your refresh token was revoked', (token) => client.revoke(token)],
    [
      'your refresh token was already used',
      async (token) => {
        await client.refresh(token);
        auth.clock.advance(31);
      },
    ],
    ['your refresh token has expired', async () => auth.clock.advance(31 * 86_400)],
  ])('says that %s', async (sentence, spoil) => {
    const home = await loggedIn();
    await spoil(await refreshTokenOf(home));
    const { code, stderr } = await runExecutor(home);
    expect(code).toBe(1);
    expect(stderr).toContain(`could not be refreshed because ${sentence}. Please log out and sign in again.`);
  });
});

describe('the real Codex CLI, logging out', () => {
  it('takes its tokens with it', async () => {
    const home = await loggedIn();
    const tokens = (await home.readAuth())?.tokens;
    const exit = await runCodex({ home, args: ['logout'], env: atOurServer() });
    expect([exit.code, await home.readAuth()]).toEqual([0, undefined]);
    expect(await client.me(tokens?.access_token ?? '')).toBe(401);
    const refused = await client.refresh(tokens?.refresh_token ?? '');
    expect(refused).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
  });
});
