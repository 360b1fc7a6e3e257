import { useCleanup, waitFor } from '@codex-gateways/testing';
import { startBehindProxy } from './support/behind-proxy.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { connect, upgradeStatus } from './support/peer.ts';

const EXECUTORS = 80;
const ANSWER_AFTER_MS = 250;

describe('many executors of one user that come back at the same moment', () => {
  const cleanup = useCleanup();

  it('are all let in, for a few statements, although the database is slow', async () => {
    const { gateway, database } = await startBehindProxy(cleanup, { CXG_DATABASE_POOL_SIZE: '2' });
    const urls: string[] = [];
    for (let made = 0; made < EXECUTORS; made += 1) urls.push((await gateway.registered(await gateway.bound())).url);
    const peers = await Promise.all(urls.map((url) => connect(url)));
    for (const peer of peers) peer.ws.terminate();
    await waitFor(async () => (await gateway.connected()).length === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'all to be gone',
    });
    database.goSlow(ANSWER_AFTER_MS);
    const asked = database.requests;
    const statuses = await Promise.all(urls.map((url) => upgradeStatus(url)));
    expect(new Set(statuses)).toEqual(new Set([101]));
    expect(database.requests - asked).toBeLessThan(2 * EXECUTORS); // one by one each would take three or four
  });
});
