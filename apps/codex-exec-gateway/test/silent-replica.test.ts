import { createServer } from 'node:net';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { useExecGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { tryConnect, upgradeStatus } from './support/peer.ts';

describe('a bridge to an executor whose replica does not answer', () => {
  const cleanup = useCleanup();
  const gateway = useExecGateway({ CXG_FORWARD_TIMEOUT: '500ms' });

  it('is refused with 503 as soon as CXG_FORWARD_TIMEOUT has passed twice, and takes no place of its turn', async () => {
    const exeId = await gateway.bound('ws-dead-owner');
    const replicaId = '00000000-0000-4000-8000-0000000000dd';
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanup.after(() => void silent.close());
    const { port } = silent.address() as { port: number };
    await gateway.pool.query(
      `insert into codex_exec.replicas (replica_id, internal_url, lease_expires_at)
       values ($1, $2, now() + interval '1 hour')`,
      [replicaId, `http://127.0.0.1:${port}`],
    );
    await gateway.pool.query(
      `insert into codex_exec.executor_connections (exe_id, connection_id, connection_number, replica_id, generation)
       values ($1, gen_random_uuid(), nextval('codex_exec.connection_number'), $2, 'legacy')`,
      [exeId, replicaId],
    );
    const token = gateway.capability({ workspaceId: 'ws-dead-owner', turnId: 'turn-dead-owner' });
    const refused = await tryConnect(gateway.legacyBridgeUrl(exeId, token));
    // Not that the decision took too long, which is said after CXG_HANDSHAKE_TIMEOUT.
    expect(refused).toMatchObject({
      kind: 'refused',
      status: 503,
      body: expect.stringContaining('executor_elsewhere'),
    });
    expect(gateway.logLines.join('')).toContain('does not answer');
    await gateway.pool.query('update codex_exec.replicas set internal_url = null where replica_id = $1', [replicaId]);
    expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId, token))).toBe(503);
    const slots = "select 1 from codex_exec.turn_bridges where turn_id = 'turn-dead-owner'";
    await waitFor(async () => (await gateway.pool.query(slots)).rows.length === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'the place of the bridge to be given back',
    });
  });
});
