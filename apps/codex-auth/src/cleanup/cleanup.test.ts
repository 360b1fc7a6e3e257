import { createLogger } from '@codex-gateways/service';
import { waitFor } from '@codex-gateways/testing';
import { OAuthClient } from '../../test/oauth-client.ts';
import { useAuthService } from '../../test/use-auth-service.ts';
import { Cleanup } from './cleanup.ts';

const auth = useAuthService({ CODEX_AUTH_CLEANUP_INTERVAL: '1s', CODEX_AUTH_CLEANUP_BATCH_ROWS: '10' });
const client = new OAuthClient(() => auth.url);
const log = createLogger({ service: 'test', level: 'silent' });
const HOUR_SECONDS = 3600;

async function counts() {
  const { rows } = await auth.db.query(
    `select (select count(*)::int from codex_auth.codex_pkce_requests) as codes,
            (select count(*)::int from codex_auth.codex_access_tokens) as access,
            (select count(*)::int from codex_auth.codex_refresh_tokens) as refresh,
            (select count(*)::int from codex_auth.oauth_grants) as grants,
            (select count(*)::int from codex_auth.codex_device_codes) as devices,
            (select count(*)::int from codex_auth.sessions) as sessions`,
  );
  return rows[0];
}

async function until(expected: Record<string, number>): Promise<void> {
  await waitFor(async () => JSON.stringify(await counts()) === JSON.stringify(expected), {
    timeoutMs: 60_000,
    describe: JSON.stringify(expected),
    intervalMs: 100,
  });
}

describe('rows that have expired', () => {
  it('are removed in time, and no sooner', async () => {
    const web = await client.signedIn();
    for (let count = 0; count < 25; count += 1) await client.authorizationCode({}, web);
    const { refresh_token } = await client.tokens();
    await client.refresh(refresh_token);
    await client.postJson('/api/accounts/deviceauth/usercode', { client_id: 'app_EMoamEEZ73f0CkXaXp7hrann' });
    const all = { codes: 26, access: 2, refresh: 2, grants: 1, devices: 1, sessions: 2 };
    expect(await counts()).toEqual(all);
    auth.clock.advance(HOUR_SECONDS);
    await until({ ...all, access: 0 });
    auth.clock.advance(HOUR_SECONDS);
    await until({ ...all, access: 0, codes: 0, devices: 0 });
    auth.clock.advance(31 * 24 * HOUR_SECONDS);
    await until({ codes: 0, access: 0, refresh: 2, grants: 1, devices: 0, sessions: 0 });
    auth.clock.advance(7 * 24 * HOUR_SECONDS);
    await until({ codes: 0, access: 0, refresh: 0, grants: 0, devices: 0, sessions: 0 });
  });
});

describe('a run', () => {
  it('takes batches until one is not full, and goes on when a task fails', async () => {
    const left = [25, 3];
    const batches: number[] = [];
    const task = (index: number) => ({
      name: `task ${index}`,
      deleteBatch: async (maxRows: number) => {
        const deleted = Math.min(maxRows, left[index] ?? 0);
        left[index] = (left[index] ?? 0) - deleted;
        batches.push(deleted);
        return deleted;
      },
    });
    const failing = { name: 'failing', deleteBatch: () => Promise.reject(new Error('no table')) };
    const cleanup = new Cleanup({ tasks: [task(0), failing, task(1)], intervalMs: 60_000, batchRows: 10, log });
    await cleanup.runOnce();
    await cleanup.close();
    expect(batches).toEqual([10, 10, 5, 3]);
  });

  it('ends after the batch that is under way when the service closes', async () => {
    let batches = 0;
    const endless = {
      name: 'endless',
      deleteBatch: async (maxRows: number) => {
        batches += 1;
        if (batches === 2) void cleanup.close();
        return maxRows;
      },
    };
    const cleanup = new Cleanup({ tasks: [endless], intervalMs: 60_000, batchRows: 10, log });
    await cleanup.runOnce();
    expect(batches).toBe(2);
  });
});
