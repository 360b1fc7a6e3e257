import { type DatabaseProxy, useCleanup, waitFor } from '@codex-gateways/testing';
import { mintWsTicket } from '@codex-gateways/tokens';
import { startBehindProxy } from './support/behind-proxy.ts';
import { frame } from './support/frames.ts';
import { CAPTOKEN_SECRET, type TestGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { connect, type Peer, upgradeStatus } from './support/peer.ts';

describe('while the database is away', () => {
  const cleanup = useCleanup();
  let gateway: TestGateway;
  let database: DatabaseProxy;

  beforeAll(async () => {
    ({ gateway, database } = await startBehindProxy(cleanup, {
      CXG_DATABASE_TIMEOUT: '4s',
      CXG_REGISTER_HOLD: '1s',
      CXG_REPLICA_LEASE_RENEWAL: '200ms',
      CXG_REVOCATION_REFRESH: '200ms',
    }));
  });

  afterEach(async () => {
    database.comeBack();
    await waitFor(async () => (await gateway.call('GET', '/readyz')).status === 200, {
      timeoutMs: PATIENCE_MS,
      describe: 'the gateway to recover',
    });
  });

  const stream = async (): Promise<{ exeId: string; executor: Peer; harness: Peer; url: string }> => {
    const exeId = await gateway.bound();
    const { peer: executor, registered } = await gateway.online(exeId);
    const harness = await gateway.harness(exeId);
    harness.send(frame('resume', 's'));
    await executor.receive(1);
    return { exeId, executor, harness, url: registered.url };
  };

  it('live streams do not notice', async () => {
    const { executor, harness } = await stream();
    database.goDown();
    for (let round = 1; round <= 5; round += 1) {
      harness.send(frame('data', 's', `there ${round}`));
      executor.send(frame('data', 's', `back ${round}`));
      await executor.receive(1 + round);
      await harness.receive(round);
    }
    expect(harness.closed ?? executor.closed).toBeUndefined();
  });

  it.each(['goDown', 'goSilent'] as const)('nothing is answered with 401, and all of it with 503 (%s)', async (how) => {
    const { exeId, url } = await stream();
    const bridge = await gateway.bridgeUrl(exeId);
    const dead = mintWsTicket(exeId, gateway.clock.nowSeconds() - 1, CAPTOKEN_SECRET);
    database[how]();
    const statuses = await Promise.all([
      upgradeStatus(url),
      upgradeStatus(`${gateway.wsUrl}/codex-exec/${exeId}?token=${dead}`),
      upgradeStatus(`${gateway.wsUrl}/codex-exec/exe_unknown?token=${dead}`),
      upgradeStatus(bridge),
      gateway.connectCall(exeId, gateway.capability()).then(({ status }) => status),
      gateway.revoke('turn-x').then(({ status }) => status),
      gateway.cloudRegister(exeId).then(({ status }) => status),
      gateway.manage('POST', '/register', { display_name: 'x' }).then(({ status }) => status),
    ]);
    expect(statuses).toEqual(statuses.map(() => 503));
  });

  it('readiness says what is missing, and the process is healthy', async () => {
    database.goDown();
    const { status, body } = await gateway.call('GET', '/readyz');
    expect(status).toBe(503);
    expect(body).toMatchObject({ missing: { database: expect.any(String) } });
    expect((await gateway.call('GET', '/healthz')).status).toBe(200);
  });

  it('an executor that leaves is taken off the record afterwards, and one that stays is there', async () => {
    const [leaving, staying] = [await stream(), await stream()];
    database.goDown();
    leaving.executor.close();
    await leaving.executor.waitForClose();
    await leaving.harness.waitForClose();
    database.comeBack();
    await waitFor(
      async () => {
        const { status, body } = await gateway.call<{ exe_id: string }[]>(
          'GET',
          '/api/exec-gateway/connected?workspace_id=ws-1',
          { headers: { authorization: 'Bearer shared-secret-of-the-tests' } },
        );
        const online = status === 200 ? body.map((each) => each.exe_id) : [];
        return online.includes(staying.exeId) && !online.includes(leaving.exeId);
      },
      { timeoutMs: PATIENCE_MS, describe: 'the record to be right again' },
    );
    expect(staying.executor.closed).toBeUndefined();
  });

  it('an executor that comes back to its url is let in as soon as the database is there', async () => {
    const { url, executor } = await stream();
    database.goDown();
    executor.ws.terminate();
    expect(await upgradeStatus(url)).toBe(503);
    database.comeBack();
    await waitFor(async () => (await upgradeStatus(url)) === 101, { timeoutMs: PATIENCE_MS, describe: 'a 101' });
  });

  it('a revocation that was written meanwhile closes its bridges when the database is back', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const harness = await connect(await gateway.bridgeUrl(exeId, { turnId: 'turn-meanwhile' }));
    database.goDown();
    await gateway.pool.query(
      "insert into codex_exec.revoked_turns (turn_id, expires_at) values ('turn-meanwhile', now() + interval '1 hour')",
    );
    database.comeBack();
    expect(await harness.waitForClose()).toMatchObject({ code: 4403 });
  });
});

describe('a register call while the database is away', () => {
  const cleanup = useCleanup();

  it('is held, and answered when the database is back', async () => {
    const { gateway, database } = await startBehindProxy(cleanup, { CXG_REGISTER_HOLD: '9s' });
    const exeId = await gateway.bound();
    database.goDown();
    const held = gateway.cloudRegister(exeId);
    setTimeout(() => database.comeBack(), 1000);
    expect((await held).status).toBe(200);
  });
});
