import { waitFor } from '@codex-gateways/testing';
import { useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import { connect } from '../../test/support/peer.ts';

describe('GET /api/codex-exec/executors/{exe_id}/connections', () => {
  const gateway = useExecGateway({
    CXG_CONNECTION_HISTORY: '5',
    CXG_TRUSTED_PROXY_HOPS: '1',
    CXG_SWEEP_INTERVAL: '200ms',
  });
  const historyOf = async (exeId: string) =>
    (await gateway.manage<Record<string, unknown>[]>('GET', `/executors/${exeId}/connections`)).body;

  it('tells when, from where, and why each connection ended, the newest first', async () => {
    const exeId = await gateway.bound();
    const { url, registrationId } = await gateway.registered(exeId);
    const first = await connect(url, { 'x-forwarded-for': '203.0.113.7' });
    const second = await connect(url, { 'x-forwarded-for': '198.51.100.9, 203.0.113.8' });
    await first.waitForClose();
    second.close();
    await second.waitForClose();
    const third = await connect(url);
    third.ws.terminate();
    const fourth = await connect(url);
    await waitFor(async () => (await historyOf(exeId)).filter((each) => each.ended_at !== null).length === 3, {
      timeoutMs: PATIENCE_MS,
      describe: 'three ended connections',
    });
    const history = await historyOf(exeId);
    expect(history).toMatchObject([
      { ended_at: null, end_reason: null, generation: 'noise', executor_registration_id: registrationId },
      { end_reason: 'connectionLost', client_ip: '127.0.0.1' },
      { end_reason: 'closedByExecutor', client_ip: '203.0.113.8' },
      { end_reason: 'replaced', client_ip: '203.0.113.7', evicted_alive: true },
    ]);
    expect(Object.keys(history[0] ?? {})).toContain('replica_id');
    await gateway.manage('POST', `/executors/${exeId}/disconnect`);
    await fourth.waitForClose();
    await waitFor(async () => (await historyOf(exeId))[0]?.end_reason === 'unauthorized', {
      timeoutMs: PATIENCE_MS,
      describe: 'the reason',
    });
  });

  it('is bounded', async () => {
    const exeId = await gateway.bound();
    const { url } = await gateway.registered(exeId);
    for (let round = 0; round < 9; round += 1) {
      const peer = await connect(url);
      peer.close();
      await peer.waitForClose();
    }
    const { rows } = await gateway.pool.query<{ kept: string }>(
      'select count(*) as kept from codex_exec.connection_history where exe_id = $1',
      [exeId],
    );
    expect(Number(rows[0]?.kept)).toBe(5);
    expect(await historyOf(exeId)).toHaveLength(5);
  });

  it('ends what a dead replica left', async () => {
    const exeId = await gateway.bound();
    await gateway.pool.query(
      `insert into codex_exec.connection_history (connection_id, exe_id, connection_number, generation, replica_id)
       values (gen_random_uuid(), $1, 0, 'noise', gen_random_uuid())`,
      [exeId],
    );
    await waitFor(async () => (await historyOf(exeId))[0]?.end_reason === 'serverLost', {
      timeoutMs: PATIENCE_MS,
      describe: 'the sweep',
    });
  });

  it('is empty for an executor that never connected, 404 for an unknown one, 401 without the secret', async () => {
    expect(await historyOf(await gateway.executor())).toEqual([]);
    expect((await gateway.manage('GET', '/executors/exe_unknown/connections')).status).toBe(404);
    expect((await gateway.call('GET', '/api/codex-exec/executors/exe_x/connections')).status).toBe(401);
  });
});

describe('connections of one user', () => {
  const gateway = useExecGateway({ CXG_MAX_CONNECTIONS_PER_USER: '2' });

  it('are limited, and one that comes back takes no further place', async () => {
    const { tryConnect } = await import('../../test/support/peer.ts');
    const [one, two, three] = [await gateway.bound('ws-u'), await gateway.bound('ws-u'), await gateway.bound('ws-u')];
    const { registered } = await gateway.online(one);
    const { peer } = await gateway.online(two);
    const { url } = await gateway.registered(three);
    const refused = await tryConnect(url);
    expect(refused).toMatchObject({ kind: 'refused', status: 503 });
    expect(JSON.stringify(refused)).toContain('too_many_connections');
    await connect(registered.url); // a newer connection of one that is there
    peer.close();
    await peer.waitForClose();
    await waitFor(async () => (await gateway.connected('ws-u')).length === 1, {
      timeoutMs: PATIENCE_MS,
      describe: 'one left',
    });
    await connect(url);
    expect(await gateway.connected('ws-u')).toHaveLength(2);
  });
});
