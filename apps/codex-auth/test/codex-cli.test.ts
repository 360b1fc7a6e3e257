import { type CodexHome, createCodexHome, startCodex, useCleanup } from '@codex-gateways/testing';
import { OAuthClient } from './oauth-client.ts';
import { useAuthService } from './use-auth-service.ts';
import { formOf } from './web-session.ts';

const cleanup = useCleanup();
const auth = useAuthService();
const client = new OAuthClient(() => auth.url);

async function newHome(): Promise<CodexHome> {
  const home = await createCodexHome();
  cleanup.after(() => home.remove());
  return home;
}

/** Runs the CLI's device login, and decides on the page it names. */
async function deviceLogin(home: CodexHome, decision: 'approve' | 'deny') {
  const codex = await startCodex({ home, args: ['login', '--device-auth', '--experimental_issuer', auth.url] });
  const [userCode] = await codex.waitForOutput(/[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/, 10_000);
  expect(codex.output).toContain(`${auth.url}/codex/device`);
  const web = await client.signedIn();
  const confirm = await web.submit('/codex/device', { user_code: userCode });
  const page = await confirm.text();
  expect(page).toContain('Codex CLI');
  const { action, hidden } = formOf(page);
  await web.post(action, { ...hidden, decision });
  return codex.exited;
}

describe('the real Codex CLI', () => {
  it('logs in with a device code that a person approves on the page', async () => {
    const home = await newHome();
    const exit = await deviceLogin(home, 'approve');
    expect(exit).toMatchObject({ code: 0 });
    const tokens = (await home.readAuth())?.tokens;
    expect(tokens?.refresh_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(tokens?.account_id).toMatch(/^ws_/);
    expect(await client.me(tokens?.access_token ?? '')).toBe(200);
  });

  it('ends its login when the person denies it', async () => {
    const home = await newHome();
    const exit = await deviceLogin(home, 'deny');
    expect(exit.code).not.toBe(0);
    expect(await home.readAuth()).toBeUndefined();
  });
});
