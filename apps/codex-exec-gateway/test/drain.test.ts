import { createTestDatabase, useCleanup } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { TestGateway } from './support/gateway.ts';
import { connect, type Peer, upgradeStatus } from './support/peer.ts';

describe('shutting down', () => {
  const cleanup = useCleanup();
  let databaseUrl: string;

  beforeAll(async () => {
    const database = await createTestDatabase();
    databaseUrl = database.url;
    cleanup.after(() => database.drop());
  });

  const started = async (variables: Record<string, string> = {}) => {
    const gateway = new TestGateway(() => databaseUrl, { CXG_DRAIN_TIMEOUT: '1m', ...variables });
    cleanup.after(() => gateway.stop());
    await gateway.start();
    return gateway;
  };

  it('sends executors away with 1001, those with bridges when their last bridge has ended, and lets nobody new in', async () => {
    const gateway = await started();
    const [idle, busy] = [await gateway.bound(), await gateway.bound()];
    const { peer: idleExecutor } = await gateway.online(idle);
    const { peer: busyExecutor, registered } = await gateway.online(busy);
    const harness = await gateway.harness(busy);
    harness.send(frame('resume', 's'));
    await busyExecutor.receive(1);

    const drained = gateway.drain();
    expect(await idleExecutor.waitForClose()).toMatchObject({ code: 1001 });
    expect(await gateway.call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { missing: { service: 'draining' } },
    });
    expect(await upgradeStatus(registered.url)).toBe(503);
    harness.send(frame('data', 's', 'the last words'));
    expect((await busyExecutor.receive(2))[1]).toEqual(frame('data', 's', 'the last words'));
    expect(busyExecutor.closed).toBeUndefined();
    harness.close();
    expect(await busyExecutor.waitForClose()).toMatchObject({ code: 1001 });
    await drained;
  });

  it('sends an executor away with its bridges when the time is up', async () => {
    const gateway = await started({ CXG_DRAIN_TIMEOUT: '300ms' });
    const exeId = await gateway.bound();
    const { peer: executor } = await gateway.online(exeId);
    const harness = await gateway.harness(exeId);
    const drained = gateway.drain();
    expect(await harness.waitForClose()).toMatchObject({ code: 1001 });
    expect(await executor.waitForClose()).toMatchObject({ code: 1001 });
    await drained;
  });

  it('spreads the closes, so that not all executors come back at once', async () => {
    const gateway = await started();
    const peers: Peer[] = [];
    const closedAt: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      const { peer } = await gateway.online(await gateway.bound());
      peer.ws.on('close', () => closedAt.push(performance.now()));
      peers.push(peer);
    }
    await gateway.drain();
    for (const peer of peers) expect(await peer.waitForClose()).toMatchObject({ code: 1001 });
    expect(Math.max(...closedAt) - Math.min(...closedAt)).toBeGreaterThan(150);
  });

  it('does not wait for a peer that does not answer the close', async () => {
    const gateway = await started();
    const { peer } = await gateway.online(await gateway.bound());
    peer.ws.pause();
    await gateway.drain();
    expect(peer.closed).toBeUndefined();
    peer.ws.terminate();
  });

  it('takes the replica and its connections off the record', async () => {
    const gateway = await started();
    const exeId = await gateway.bound('ws-end');
    await gateway.online(exeId);
    await gateway.drain();
    await gateway.close();
    const other = await started();
    expect(await other.connected('ws-end')).toEqual([]);
    const { rows } = await other.pool.query('select 1 from codex_exec.executor_connections where exe_id = $1', [exeId]);
    expect(rows).toEqual([]);
  });

  it('lets executors go on to another replica with the ticket that they have', async () => {
    const [leaving, staying] = [await started(), await started()];
    const exeId = await leaving.bound('ws-roll');
    const { peer, registered } = await leaving.online(exeId);
    const drained = leaving.drain();
    await peer.waitForClose();
    const { pathname, search } = new URL(registered.url);
    const again = await connect(`${staying.wsUrl}${pathname}${search}`);
    expect(await staying.connected('ws-roll')).toHaveLength(1);
    await drained;
    again.close();
  });
});
