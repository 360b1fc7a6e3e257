import { useCleanup } from '@codex-gateways/testing';
import { mintWsTicket } from '@codex-gateways/tokens';
import { frame } from './support/frames.ts';
import { CAPTOKEN_SECRET } from './support/gateway.ts';
import { REVOKED_WITHIN_MS } from './support/patience.ts';
import { connect, upgradeStatus } from './support/peer.ts';
import { startTwoReplicas, type TwoReplicas } from './support/two-replicas.ts';

describe('POST …/executors/{exe_id}/disconnect and …/users/{user_id}/disconnect', () => {
  const cleanup = useCleanup();
  let replicas: TwoReplicas;

  beforeAll(async () => {
    replicas = await startTwoReplicas(cleanup, { CXG_REVOCATION_REFRESH: '60s' });
  });

  it('close the connection and the bridges at every replica, and void every ticket', async () => {
    const { first, second, at } = replicas;
    const exeId = await first.bound();
    const { peer, registered } = await first.online(exeId);
    const direct = await first.harness(exeId);
    const forwarded = await connect(at(second, await second.bridgeUrl(exeId)));
    for (const harness of [direct, forwarded]) harness.send(frame('resume', `s-${Math.random()}`));
    await peer.receive(2);
    const startedAt = performance.now();
    expect((await second.manage('POST', `/executors/${exeId}/disconnect`)).status).toBe(204);
    expect(await peer.waitForClose()).toMatchObject({ code: 4401, reason: expect.stringContaining('register again') });
    for (const harness of [direct, forwarded]) expect(await harness.waitForClose()).toMatchObject({ code: 4404 });
    expect(performance.now() - startedAt).toBeLessThan(REVOKED_WITHIN_MS);
    expect(await upgradeStatus(registered.url)).toBe(401);
    const foreign = mintWsTicket(exeId, first.clock.nowSeconds() + 290, CAPTOKEN_SECRET);
    expect(await upgradeStatus(`${first.wsUrl}/codex-exec/${exeId}?token=${foreign}`)).toBe(401);
    const { peer: back } = await second.online(exeId); // its credentials hold, so it may register
    expect(await first.connected()).toMatchObject([{ exe_id: exeId }]);
    expect((await first.manage('POST', `/executors/${exeId}/disconnect`)).status).toBe(204);
    await back.waitForClose();
  });

  it('close every executor of a user, and no other', async () => {
    const { first, second } = replicas;
    const [one, two] = [await first.bound('ws-user'), await first.bound('ws-user')];
    const peers = [(await first.online(one)).peer, (await second.online(two)).peer];
    await first.call('POST', '/api/codex-exec/register', {
      headers: { 'x-internal-secret': 'internal-secret-of-the-tests', 'x-user-id': 'user-stranger' },
      body: { display_name: 'other', exe_id: 'exe_00000000-0000-4000-8000-000000000001' },
    });
    const other = await second.cloudRegister('exe_00000000-0000-4000-8000-000000000001', { token: 'stranger-token' });
    const untouched = await connect(String(other.body.url));
    expect((await first.manage('POST', '/users/user-owner/disconnect')).status).toBe(204);
    for (const peer of peers) expect(await peer.waitForClose()).toMatchObject({ code: 4401 });
    expect(untouched.closed).toBeUndefined();
    untouched.close();
  });

  it('end a connection whose news were missed', async () => {
    const { first, second } = replicas;
    const exeId = await first.bound('ws-missed');
    const { peer } = await second.online(exeId);
    // Written behind everybody's back, as if the notification had been lost with the connection that is cut now.
    await first.pool.query(
      'update codex_exec.executors set tickets_void_through = last_ticket_expires_at where exe_id = $1',
      [exeId],
    );
    await first.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'listener' and datname = current_database()",
    );
    expect(await peer.waitForClose()).toMatchObject({ code: 4409 });
  });

  it('are the same again as once, and for what is not there', async () => {
    const { first } = replicas;
    for (const path of ['/executors/exe_unknown/disconnect', '/executors/%00/disconnect', '/users/nobody/disconnect']) {
      expect((await first.manage('POST', path)).status).toBe(204);
    }
    expect((await first.manage('POST', '/users/a%20b/disconnect')).status).toBe(400);
    expect((await first.call('POST', '/api/codex-exec/users/user-owner/disconnect')).status).toBe(401);
  });
});
