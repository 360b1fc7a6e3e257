import { sha256 } from '@codex-gateways/crypto';
import { type CodexHome, useCleanup } from '@codex-gateways/testing';
import { CodexCli, SETTINGS_FOR_CLI, TERMINAL_REFRESH_ERRORS } from './codex-cli.ts';
import { OAuthClient } from './oauth-client.ts';
import { useAuthService } from './use-auth-service.ts';

const cleanup = useCleanup();
const auth = useAuthService(SETTINGS_FOR_CLI);
const client = new OAuthClient(() => auth.url);
const cli = new CodexCli({ auth, client, cleanup });

/** How many refresh tokens are live in each family of the login in a home. */
async function liveTokensOf(home: CodexHome): Promise<number[]> {
  const { rows } = await auth.db.query<{ live: number }>(
    `select count(*) filter (where t.spent_at is null and g.revoked_at is null)::int as live
       from codex_auth.codex_refresh_tokens t
       join codex_auth.oauth_grants g on g.id = t.grant_id
      where g.id = (select grant_id from codex_auth.codex_refresh_tokens where token_digest = $1)
      group by g.id`,
    [sha256(await cli.refreshTokenOf(home))],
  );
  return rows.map(({ live }) => live);
}

describe('the real Codex CLI, logging in with a device code', () => {
  it('has its tokens once a person approved on the page', async () => {
    const home = await cli.loggedIn();
    const tokens = (await home.readAuth())?.tokens;
    expect(tokens?.refresh_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(tokens?.account_id).toMatch(/^ws_/);
    expect(await client.me(tokens?.access_token ?? '')).toBe(200);
  });

  it('ends its login when the person denies it', async () => {
    const home = await cli.newHome();
    const exit = await cli.deviceLogin(home, 'deny');
    expect(exit.code).not.toBe(0);
    expect(exit.stderr).toContain('400');
    expect(await home.readAuth()).toBeUndefined();
  });
});

describe('the real Codex CLI, refreshing', () => {
  it('refreshes before a token expires and when it is told 401, and goes on with what it got', async () => {
    const home = await cli.loggedIn();
    const before = (await home.readAuth())?.tokens;
    const { bearers } = await cli.runExecutor(home);
    const after = (await home.readAuth())?.tokens;
    expect(bearers).toHaveLength(2);
    expect(new Set([before?.access_token, ...bearers]).size).toBe(3);
    expect(after?.access_token).toBe(bearers[1]);
    expect(after?.account_id).toBe(before?.account_id);
    expect((await client.refresh(after?.refresh_token ?? '')).status).toBe(200);
  });

  it('is not signed out when eight processes share one home and refresh at once', async () => {
    const home = await cli.loggedIn();
    const executors = await Promise.all(Array.from({ length: 8 }, () => cli.runExecutor(home)));
    for (const { stderr } of executors) expect(stderr).not.toContain('could not be refreshed');
    const again = await cli.runExecutor(home);
    expect(again.stderr).not.toContain('could not be refreshed');
    expect((await client.refresh(await cli.refreshTokenOf(home))).status).toBe(200);
    expect(await liveTokensOf(home)).toEqual([1]);
  });

  it.each(TERMINAL_REFRESH_ERRORS)('says that %s', async (sentence, spoil) => {
    const home = await cli.loggedIn();
    await spoil(await cli.refreshTokenOf(home), { client, auth });
    const { code, stderr } = await cli.runExecutor(home);
    expect(code).toBe(1);
    expect(stderr).toContain(`could not be refreshed because ${sentence}. Please log out and sign in again.`);
  });
});

describe('the real Codex CLI, logging out', () => {
  it('takes its tokens with it', async () => {
    const home = await cli.loggedIn();
    const tokens = (await home.readAuth())?.tokens;
    const exit = await cli.logout(home);
    expect([exit.code, await home.readAuth()]).toEqual([0, undefined]);
    expect(await client.me(tokens?.access_token ?? '')).toBe(401);
    const refused = await client.refresh(tokens?.refresh_token ?? '');
    expect(refused).toMatchObject({ status: 401, body: { error: 'refresh_token_invalidated' } });
  });
});
