import { createTestDatabase, useCleanup, waitFor } from '@codex-gateways/testing';
import { frame } from './support/frames.ts';
import { TestGateway } from './support/gateway.ts';
import { PATIENCE_MS, REVOKED_WITHIN_MS } from './support/patience.ts';
import { connect, upgradeStatus } from './support/peer.ts';

describe('two replicas over one database', () => {
  const cleanup = useCleanup();
  let first: TestGateway;
  let second: TestGateway;

  beforeAll(async () => {
    const database = await createTestDatabase();
    cleanup.after(() => database.drop());
    const variables = {
      CXG_REPLICA_LEASE_RENEWAL: '200ms',
      CXG_SWEEP_INTERVAL: '200ms',
      CXG_REVOCATION_REFRESH: '60s', // what is seen below came by notification
    };
    first = new TestGateway(() => database.url, variables);
    second = new TestGateway(() => database.url, variables);
    cleanup.after(() => first.stop());
    cleanup.after(() => second.stop());
    await Promise.all([first.start(), second.start()]); // both migrate
  });

  const onSecond = (url: string) => {
    const { pathname, search } = new URL(url);
    return `${second.wsUrl}${pathname}${search}`;
  };

  it('answer alike who is connected', async () => {
    const exeId = await first.bound('ws-both');
    const { peer } = await first.online(exeId);
    const seen = await second.connected('ws-both');
    expect(seen).toMatchObject([{ exe_id: exeId, is_online: true }]);
    expect(seen).toEqual(await first.connected('ws-both'));
    peer.close();
    await waitFor(async () => (await second.connected('ws-both')).length === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'the executor to be gone at the other replica',
    });
  });

  it('let the newest connection win, whichever replica has it', async () => {
    const exeId = await first.bound('ws-evict');
    const { url } = await first.registered(exeId);
    const older = await connect(url);
    const newer = await connect(onSecond(url));
    expect(await older.waitForClose()).toMatchObject({ code: 4409 });
    const back = await connect(url);
    expect(await newer.waitForClose()).toMatchObject({ code: 4409 });
    expect(await second.connected('ws-evict')).toHaveLength(1);
    back.close();
  });

  it('refuse with 503 a bridge to an executor of a replica that does not say where it is', async () => {
    const exeId = await first.bound('ws-1');
    const { peer } = await first.online(exeId);
    expect(await upgradeStatus(onSecond(await first.bridgeUrl(exeId)))).toBe(503);
    peer.close();
  });

  it('both close the bridges of a turn that one of them is told to revoke', async () => {
    const [one, two] = [await first.bound('ws-1'), await first.bound('ws-1')];
    await first.online(one);
    await second.online(two);
    const turn = { turnId: 'turn-everywhere' };
    const harnesses = [await first.harness(one, turn), await second.harness(two, turn)];
    for (const harness of harnesses) harness.send(frame('resume', 's'));
    const startedAt = performance.now();
    await second.revoke('turn-everywhere');
    for (const harness of harnesses) expect(await harness.waitForClose()).toMatchObject({ code: 4403 });
    expect(performance.now() - startedAt).toBeLessThan(REVOKED_WITHIN_MS);
    expect((await first.connectCall(one, first.capability(turn))).status).toBe(401);
  });

  it('close the connection of an executor that was deleted, and the bridge of a binding that ended, at the other', async () => {
    const [deleted, unbound] = [await first.bound('ws-1'), await first.bound('ws-1')];
    const { peer } = await second.online(deleted);
    await second.online(unbound);
    const harness = await second.harness(unbound, { turnId: 'turn-unbound' });
    await first.manage('DELETE', `/executors/${deleted}`);
    await first.manage('DELETE', `/workspaces/ws-1/executors/${unbound}`);
    expect(await peer.waitForClose()).toMatchObject({ code: 4401 });
    expect(await harness.waitForClose()).toMatchObject({ code: 4401 });
  });

  it('catch up on what they missed while they could not listen', async () => {
    const [kept, deleted, unbound] = [await first.bound('ws-m'), await first.bound('ws-m'), await first.bound('ws-m')];
    const { peer: keptPeer } = await second.online(kept);
    const { peer: deletedPeer } = await second.online(deleted);
    await second.online(unbound);
    const bridge = await second.harness(unbound, { workspaceId: 'ws-m', turnId: 'turn-missed-binding' });
    const revoked = await second.harness(kept, { workspaceId: 'ws-m', turnId: 'turn-missed' });
    // Written behind everybody's back, as if the notifications had been lost with the connection that is cut now.
    await first.pool.query('delete from codex_exec.executors where exe_id = $1', [deleted]);
    await first.pool.query('delete from codex_exec.workspace_executors where exe_id = $1', [unbound]);
    await first.pool.query(
      "insert into codex_exec.revoked_turns (turn_id, expires_at) values ('turn-missed', now() + interval '1 hour')",
    );
    await first.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener' and datname = current_database()",
    );
    expect(await deletedPeer.waitForClose()).toMatchObject({ code: 4409 });
    expect(await bridge.waitForClose()).toMatchObject({ code: 4401 });
    expect(await revoked.waitForClose()).toMatchObject({ code: 4403 });
    expect(keptPeer.closed).toBeUndefined();
  });

  it('do not count the connections of a replica whose lease is over, and sweep them later', async () => {
    const [back, gone] = [await first.bound('ws-lease'), await first.bound('ws-lease')];
    const [dead, longDead] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
    await first.pool.query(
      `insert into codex_exec.replicas (replica_id, lease_expires_at)
       select replica_id, now() + interval '1 hour' from unnest($1::uuid[]) as replica_id`,
      [[dead, longDead]],
    );
    await first.pool.query(
      `insert into codex_exec.executor_connections (exe_id, connection_id, connection_number, replica_id, generation)
       select exe_id, gen_random_uuid(), nextval('codex_exec.connection_number'), replica_id, 'noise'
         from unnest($1::text[], $2::uuid[]) as row (exe_id, replica_id)`,
      [
        [back, gone],
        [dead, longDead],
      ],
    );
    // Now only: a sweep takes a replica that is long dead as soon as it has no connection.
    await first.pool.query(
      `update codex_exec.replicas
          set lease_expires_at = now() - case replica_id when $1 then interval '1 second' else interval '2 minutes' end
        where replica_id = any ($2::uuid[])`,
      [dead, [dead, longDead]],
    );
    expect(await first.connected('ws-lease')).toEqual([]);
    const { peer } = await second.online(back);
    expect(await first.connected('ws-lease')).toHaveLength(1);
    await waitFor(
      async () => {
        const { rows } = await first.pool.query<{ replica_id: string }>(
          'select replica_id from codex_exec.replicas where replica_id = any ($1::uuid[])',
          [[dead, longDead]],
        );
        return rows.length === 1 && rows[0]?.replica_id === dead;
      },
      { timeoutMs: PATIENCE_MS, describe: 'the replica that is long dead to be swept' },
    );
    const { rows } = await first.pool.query<{ age: number }>(
      'select extract(epoch from now() - last_seen_at)::int as age from codex_exec.executors where exe_id = $1',
      [gone],
    );
    expect(rows[0]?.age).toBeGreaterThanOrEqual(120);
    peer.close();
  });

  it('announce their connections again when they were taken for dead', async () => {
    const exeId = await first.bound('ws-dead');
    const { peer } = await first.online(exeId);
    await first.pool.query('delete from codex_exec.replicas');
    await waitFor(async () => (await second.connected('ws-dead')).length === 1, {
      timeoutMs: PATIENCE_MS,
      describe: 'the connection to be announced again',
    });
    expect(peer.closed).toBeUndefined();
    peer.close();
  });

  it('start together: each step of the schema was applied once', async () => {
    const { rows } = await first.pool.query<{ name: string }>(
      'select name from codex_exec.schema_migrations order by id',
    );
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThanOrEqual(5);
  });
});
