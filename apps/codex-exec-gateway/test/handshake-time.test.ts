import { useCleanup, waitFor } from '@codex-gateways/testing';
import { startBehindProxy } from './support/behind-proxy.ts';
import { TestGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { type Peer, tryConnect } from './support/peer.ts';

describe('the time that a decision about a WebSocket may take', () => {
  const cleanup = useCleanup();

  it('is CXG_HANDSHAKE_TIMEOUT: then the answer is 503, although the database says nothing for longer', async () => {
    const { gateway, database, databaseUrl } = await startBehindProxy(cleanup, { CXG_HANDSHAKE_TIMEOUT: '300ms' });
    const patient = new TestGateway(() => databaseUrl, {}); // gets everything ready, which may take its time
    cleanup.after(() => patient.stop());
    await patient.start();
    const exeId = await patient.bound();
    const at = (address: string) => address.replace(patient.wsUrl, gateway.wsUrl);
    const executorUrl = at((await patient.registered(exeId)).url);
    const peer = await waitFor<Peer | undefined>(
      async () => {
        const outcome = await tryConnect(executorUrl);
        return outcome.kind === 'open' ? outcome.peer : undefined;
      },
      { timeoutMs: PATIENCE_MS, describe: 'a decision within 300 ms' },
    );
    const bridge = at(await patient.bridgeUrl(exeId));

    database.goSilent();
    const refused = await Promise.all([executorUrl, bridge].map((each) => tryConnect(each)));
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ kind: 'refused', status: 503, body: expect.stringContaining('took too long') });
    }
    expect(peer.closed).toBeUndefined();
    database.comeBack();
  });
});
