import { createTestDatabase, DatabaseProxy, useCleanup, waitFor } from '@codex-gateways/testing';
import { TestGateway } from './support/gateway.ts';
import { connect, upgradeStatus } from './support/peer.ts';

const EXECUTORS = 80;
const ANSWER_AFTER_MS = 100;

describe('many executors of one user that come back at the same moment', () => {
  const cleanup = useCleanup();
  let gateway: TestGateway;
  let database: DatabaseProxy;

  beforeAll(async () => {
    const { url, drop } = await createTestDatabase();
    cleanup.after(drop);
    database = new DatabaseProxy(url);
    await database.start();
    cleanup.after(() => database.stop());
    gateway = new TestGateway(() => url, {
      CXG_DATABASE_URL: database.url,
      CXG_DATABASE_POOL_SIZE: '2',
      CXG_DATABASE_TIMEOUT: '3s',
    });
    cleanup.after(() => gateway.stop());
    await gateway.start();
  });

  it('are all let in, for a few statements, although the database is slow', async () => {
    const urls: string[] = [];
    for (let made = 0; made < EXECUTORS; made += 1) urls.push((await gateway.registered(await gateway.bound())).url);
    const peers = await Promise.all(urls.map((url) => connect(url)));
    for (const peer of peers) peer.ws.terminate();
    await waitFor(async () => (await gateway.connected()).length === 0, {
      timeoutMs: 10_000,
      describe: 'all to be gone',
    });
    database.goSlow(ANSWER_AFTER_MS);
    const statuses = await Promise.all(urls.map((url) => upgradeStatus(url)));
    expect(new Set(statuses)).toEqual(new Set([101]));
  }, 60_000);
});
