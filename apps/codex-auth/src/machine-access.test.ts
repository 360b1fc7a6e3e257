import { waitFor } from '@codex-gateways/testing';
import { addAgent } from '../test/agent.ts';
import { useWorld } from '../test/use-world.ts';

describe('what machines used and no longer can', () => {
  const world = useWorld({ CODEX_AUTH_CLEANUP_INTERVAL: '1s', CODEX_AUTH_BCRYPT_COST: '4' });

  it('is forgotten after a while, and what is alive stays', async () => {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'owner' }]);
    const [dead, alive] = [
      await addAgent(world, { person, workspaceId, lifetimeSeconds: 10 }),
      await addAgent(world, { person, workspaceId, lifetimeSeconds: 200 * 86_400 }),
    ];
    await dead.registeredTask();
    await alive.registeredTask();
    for (const [name, expiresInSeconds] of [
      ['dead', 10],
      ['alive', 200 * 86_400],
    ] as const) {
      const expires_at = world.auth.clock.nowSeconds() + expiresInSeconds;
      await world.call(person, 'POST', '/api/codex/tokens', { workspace_id: workspaceId, name, expires_at });
    }
    await world.db.query(
      `insert into codex_auth.codex_connectors (exe_id, workspace_id, user_id, name, state, removed_at)
       values ('exe_dead', $1, $2, 'dead', 'removed', now() - interval '91 days'),
              ('exe_alive', $1, $2, 'alive', 'removed', now() - interval '89 days')`,
      [workspaceId, person.id],
    );
    await world.db.query(
      `insert into codex_auth.audit_events (action, subject_type, subject_id, occurred_at)
       values ('test.done', 'test', 'dead', now() - interval '366 days'), ('test.done', 'test', 'alive', now() - interval '364 days')`,
    );
    world.auth.clock.advance(91 * 86_400);
    const left = async () => {
      const { rows } = await world.db.query<{ what: string }>(
        `select 'identity ' || agent_runtime_id as what from codex_auth.codex_agent_identities
          union all select 'task of ' || agent_runtime_id from codex_auth.codex_agent_tasks
          union all select 'token ' || name from codex_auth.codex_remote_tokens
          union all select 'connector ' || exe_id from codex_auth.codex_connectors
          union all select 'audit ' || subject_id from codex_auth.audit_events where subject_type = 'test'`,
      );
      return rows.map(({ what }) => what).sort();
    };
    const expected = [
      'audit alive',
      'connector exe_alive',
      `identity ${alive.id}`,
      `task of ${alive.id}`,
      'token alive',
    ];
    await waitFor(async () => (await left()).length <= expected.length, { timeoutMs: 60_000, describe: 'the cleanup' });
    expect(await left()).toEqual(expected);
  });
});
