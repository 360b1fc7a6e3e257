import { createTestDatabase, freePort, useCleanup, waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { TestGateway, useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { connect } from './support/peer.ts';

describe('replicas on several hosts that say the same CXG_SELF_INTERNAL_URL', () => {
  const cleanup = useCleanup();

  it('do not end each other, and the later one says what is wrong', async () => {
    const database = await createTestDatabase();
    cleanup.after(() => database.drop());
    const shared = { CXG_SELF_INTERNAL_URL: 'http://exec-gateway.invalid:8083' };
    const start = async (hostName: string) => {
      const gateway = new TestGateway(() => database.url, shared, hostName);
      cleanup.after(() => gateway.stop());
      await gateway.start();
      return gateway;
    };
    const first = await start('container-1');
    const exeId = await first.bound('ws-shared');
    const { peer } = await first.online(exeId);
    const second = await start('container-2');
    expect(await second.connected('ws-shared')).toHaveLength(1);
    expect(await first.connected('ws-shared')).toHaveLength(1);
    expect(peer.closed).toBeUndefined();
    const warnings = second.logLines.filter((line) => line.includes('give each replica an address of its own'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('container-1');
    expect(first.logLines.join('')).not.toContain('give each replica an address of its own');
  });
});

describe('replicas with the same configuration, each in a container of its own', () => {
  const cleanup = useCleanup();

  it('reach each other by their host names', async () => {
    const database = await createTestDatabase();
    cleanup.after(() => database.drop());
    const same = { CXG_SELF_INTERNAL_URL: 'auto', CXG_PORT: String(await freePort()) };
    const start = async (hostName: string) => {
      const gateway = new TestGateway(() => database.url, { ...same, CXG_HOST: hostName }, hostName);
      cleanup.after(() => gateway.stop());
      await gateway.start();
      return gateway;
    };
    const [first, second] = [await start('127.0.0.2'), await start('127.0.0.3')];
    const exeId = await first.bound('ws-auto');
    const { peer } = await first.online(exeId);
    const harness = await second.harness(exeId, { workspaceId: 'ws-auto' });
    const sent = frame('resume', 'through-two-hosts');
    harness.send(sent);
    expect(await peer.receive(1)).toEqual([sent]);
    expect([first, second].flatMap(({ logLines }) => logLines).join('')).not.toContain('address of its own');
  });
});

describe('a replica that others took off the list', () => {
  const gateway = useExecGateway({ CXG_REPLICA_LEASE: '5m', CXG_REPLICA_LEASE_RENEWAL: '1m' });

  it('has its older connections on record again as soon as a new one puts it back', async () => {
    const [older, newer] = [await gateway.bound('ws-recreated'), await gateway.bound('ws-recreated')];
    const { peer } = await gateway.online(older);
    const { url } = await gateway.registered(newer);
    await gateway.pool.query('delete from codex_exec.replicas');
    const newerPeer = await connect(url);
    await waitFor(async () => (await gateway.connected('ws-recreated')).length === 2, {
      timeoutMs: PATIENCE_MS,
      describe: 'both connections to be on record',
    });
    expect(peer.closed ?? newerPeer.closed).toBeUndefined();
  });
});
