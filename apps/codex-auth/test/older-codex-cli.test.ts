import { codexBinary, useCleanup } from '@codex-gateways/testing';
import { CodexCli, SETTINGS_FOR_CLI, TERMINAL_REFRESH_ERRORS } from './codex-cli.ts';
import { OAuthClient } from './oauth-client.ts';
import { useAuthService } from './use-auth-service.ts';

/** npm installs an older CLI when it is first asked for. */
const INSTALL_TIMEOUT_MS = 300_000;
const cleanup = useCleanup();
const auth = useAuthService(SETTINGS_FOR_CLI);
const client = new OAuthClient(() => auth.url);

describe.each(['0.132.0', '0.140.0'])('Codex CLI %s', (version) => {
  const cli = new CodexCli({ auth, client, cleanup }, version);
  beforeAll(async () => {
    await codexBinary(version);
  }, INSTALL_TIMEOUT_MS);

  it('has its tokens once a person approved its device login', async () => {
    const home = await cli.loggedIn();
    const tokens = (await home.readAuth())?.tokens;
    expect(tokens?.account_id).toMatch(/^ws_/);
    expect(await client.me(tokens?.access_token ?? '')).toBe(200);
  });

  it('takes its tokens with it when it logs out with the override variable', async () => {
    const home = await cli.loggedIn();
    const tokens = (await home.readAuth())?.tokens;
    const exit = await cli.logout(home);
    expect([exit.code, await home.readAuth()]).toEqual([0, undefined]);
    expect(await client.me(tokens?.access_token ?? '')).toBe(401);
    expect((await client.refresh(tokens?.refresh_token ?? '')).body.error).toBe('refresh_token_invalidated');
  });
});

describe('Codex CLI 0.140.0', () => {
  const cli = new CodexCli({ auth, client, cleanup }, '0.140.0');

  it('refreshes with the override variable, and goes on with what it got', async () => {
    const home = await cli.loggedIn();
    const before = (await home.readAuth())?.tokens;
    const { bearers } = await cli.runExecutor(home);
    const after = (await home.readAuth())?.tokens;
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect(bearers.at(-1)).toBe(after?.access_token);
    expect((await client.refresh(after?.refresh_token ?? '')).status).toBe(200);
  });

  it('is not signed out when eight processes share one home and refresh at once', async () => {
    const home = await cli.loggedIn();
    const executors = await Promise.all(Array.from({ length: 8 }, () => cli.runExecutor(home)));
    for (const { stderr } of [...executors, await cli.runExecutor(home)]) {
      expect(stderr).not.toContain('could not be refreshed');
    }
    expect((await client.refresh(await cli.refreshTokenOf(home))).status).toBe(200);
  });

  it.each(TERMINAL_REFRESH_ERRORS)('says with the override variable that %s', async (sentence, spoil) => {
    const home = await cli.loggedIn();
    await spoil(await cli.refreshTokenOf(home), { client, auth });
    const { code, stderr } = await cli.runTurn(home);
    expect(code).toBe(1);
    expect(stderr).toContain(`could not be refreshed because ${sentence}. Please log out and sign in again.`);
  });
});
