import { createTestDatabase, DatabaseProxy, useCleanup } from '@codex-gateways/testing';
import { TestGateway } from './support/gateway.ts';
import { tryConnect } from './support/peer.ts';

describe('the time that a decision about a WebSocket may take', () => {
  const cleanup = useCleanup();

  it('is CXG_HANDSHAKE_TIMEOUT: then the answer is 503, although the database says nothing for longer', async () => {
    const { url, drop } = await createTestDatabase();
    cleanup.after(drop);
    const database = new DatabaseProxy(url);
    await database.start();
    cleanup.after(() => database.stop());
    const gateway = new TestGateway(() => url, {
      CXG_DATABASE_URL: database.url,
      CXG_DATABASE_TIMEOUT: '5s',
      CXG_HANDSHAKE_TIMEOUT: '300ms',
    });
    cleanup.after(() => gateway.stop());
    await gateway.start();
    const exeId = await gateway.bound();
    const { peer, registered } = await gateway.online(exeId);
    const bridge = await gateway.bridgeUrl(exeId);

    database.goSilent();
    const startedAt = performance.now();
    const refused = await Promise.all([registered.url, bridge].map((each) => tryConnect(each)));
    expect(performance.now() - startedAt).toBeLessThan(2000);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ kind: 'refused', status: 503, body: expect.stringContaining('took too long') });
    }
    expect(peer.closed).toBeUndefined();
    database.comeBack();
  });
});
