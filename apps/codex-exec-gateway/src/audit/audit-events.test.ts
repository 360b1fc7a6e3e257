import { waitFor } from '@codex-gateways/testing';
import { useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';

describe('the audit trail', () => {
  const gateway = useExecGateway({ CXG_SWEEP_INTERVAL: '100ms', CXG_AUDIT_RETENTION: '2d' });

  it('has what was done to executors, bindings and turns, by whom, under the id of the request', async () => {
    const exeId = await gateway.bound('ws-audit');
    await gateway.registered(exeId);
    await gateway.manage('POST', '/workspaces/ws-audit/executors', { exe_id: exeId, name: 'renamed' });
    await gateway.manage('DELETE', `/workspaces/ws-audit/executors/${exeId}`);
    await gateway.manage('DELETE', `/workspaces/ws-audit/executors/${exeId}`); // changes nothing, says nothing
    await gateway.manage('DELETE', `/executors/${exeId}`);
    const { rows } = await gateway.pool.query<{ action: string; actor_user_id: string; request_id: string }>(
      'select action, actor_user_id, request_id from codex_exec.audit_events where exe_id = $1 order by id',
      [exeId],
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'executor.created',
      'binding.created',
      'executor.registered',
      'binding.updated',
      'binding.deleted',
      'executor.deleted',
    ]);
    for (const row of rows) {
      expect(row.actor_user_id).toBe('user-owner');
      expect(row.request_id).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('is kept as long as configured', async () => {
    await gateway.pool.query(
      `insert into codex_exec.audit_events (action, turn_id, occurred_at)
       select 'old', 'turn', now() - interval '3 days' from generate_series(1, 1200)
        union all
       select 'recent', 'turn', now() - interval '1 day'`,
    );
    const actions = async () => {
      const { rows } = await gateway.pool.query<{ action: string }>(
        "select action from codex_exec.audit_events where turn_id = 'turn'",
      );
      return rows.map(({ action }) => action);
    };
    await waitFor(async () => (await actions()).length === 1, {
      timeoutMs: PATIENCE_MS,
      describe: 'old entries to go',
    });
    expect(await actions()).toEqual(['recent']);
  });
});
