import { useCleanup, waitFor } from '@codex-gateways/testing';
import type { TestGateway } from './support/gateway.ts';
import { PATIENCE_MS } from './support/patience.ts';
import { connect, type Peer, tryConnect } from './support/peer.ts';
import { startTwoReplicas, type TwoReplicas } from './support/two-replicas.ts';

describe('two processes with one executor id, each at another replica', () => {
  const cleanup = useCleanup();
  let replicas: TwoReplicas;

  beforeAll(async () => {
    replicas = await startTwoReplicas(cleanup, { CXG_DUEL_HOLD: '30s', CXG_TRUSTED_PROXY_HOPS: '1' });
  });

  /** Takes the place and waits until whoever had it has answered the close. */
  const takeOver = async (gateway: TestGateway, exeId: string, from: Peer | undefined): Promise<Peer> => {
    const { peer } = await gateway.online(exeId);
    expect(from === undefined || (await from.waitForClose()).code === 4409).toBe(true);
    return peer;
  };

  const list = async (gateway: TestGateway, workspaceId: string) =>
    (await gateway.manage<Record<string, unknown>[]>('GET', `/workspaces/${workspaceId}/executors`)).body[0];

  /** Four takeovers: the place is with the first again. */
  const duel = async (workspaceId: string) => {
    const { first, second } = replicas;
    const exeId = await first.bound(workspaceId);
    let holder: Peer | undefined;
    for (let round = 0; round < 5; round += 1) holder = await takeOver(round % 2 === 0 ? first : second, exeId, holder);
    await waitFor(async () => (await list(second, workspaceId))?.duel !== null, {
      timeoutMs: PATIENCE_MS,
      describe: 'the duel to be noticed',
    });
    return { exeId, holder: holder as Peer };
  };

  it('do not evict each other for ever: the one that was there first stays, the other is told so', async () => {
    const { first, second } = replicas;
    const { exeId, holder } = await duel('ws-duel');
    const refused = await second.cloudRegister(exeId);
    expect(refused).toMatchObject({ status: 409, body: { error: { code: 'executor_in_use' } } });
    expect(JSON.stringify(refused.body)).toMatch(
      /another process .* from 127\.0\.0\.1 since 20.*; stop that one, or add a connector/,
    );
    expect(holder.closed).toBeUndefined();
    expect(await list(first, 'ws-duel')).toMatchObject({
      is_online: true,
      duel: { since: expect.stringMatching(/^20/) },
    });
    const begun = (await first.metric('codex_exec_duels_total')) ?? 0;
    expect(begun + ((await second.metric('codex_exec_duels_total')) ?? 0)).toBe(1);
    expect(await second.metric('codex_exec_duel_refusals_total{status="409"}')).toBe(1);
    expect([...first.logLines, ...second.logLines].join('')).toContain('two processes run with the same executor id');
    holder.close();
  });

  it('are told at the WebSocket with 403, which makes them register, when they come back to an old url', async () => {
    const { second } = replicas;
    const exeId = await second.bound('ws-url');
    const old = await second.registered(exeId);
    const { peer } = await second.online(exeId);
    await second.pool.query(
      "update codex_exec.executors set duel_since = now(), duel_until = now() + interval '1 minute' where exe_id = $1",
      [exeId],
    );
    expect(await tryConnect(old.url)).toMatchObject({ kind: 'refused', status: 403 });
    expect(peer.closed).toBeUndefined();
    peer.close();
  });

  it('let the other one in as soon as the first has gone', async () => {
    const { second } = replicas;
    const { exeId, holder } = await duel('ws-free');
    holder.close();
    await holder.waitForClose();
    await waitFor(async () => (await second.connected('ws-free')).length === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'free',
    });
    const { peer } = await second.online(exeId);
    expect(await second.connected('ws-free')).toHaveLength(1);
    peer.close();
  });

  it('let the other one in when the first does not answer any more', async () => {
    const { second } = replicas;
    const { exeId, holder } = await duel('ws-mute');
    holder.ws.pause();
    const { peer } = await second.online(exeId); // the register call is held until the silence is certain
    expect(await second.connected('ws-mute')).toHaveLength(1);
    holder.ws.resume();
    peer.close();
  });

  it('take the same run of the same process back, whose old connection may be half open', async () => {
    const { second } = replicas;
    const exeId = await second.bound('ws-same');
    const { peer, registered } = await second.online(exeId);
    await second.pool.query(
      "update codex_exec.executors set duel_since = now(), duel_until = now() + interval '1 minute' where exe_id = $1",
      [exeId],
    );
    const back = await connect(registered.url);
    expect(await peer.waitForClose()).toMatchObject({ code: 4409 });
    back.close();
  });

  it('are not seen in a laptop that changes networks: its new connection wins at once, however often', async () => {
    const { first, second } = replicas;
    const exeId = await first.bound('ws-laptop');
    for (let round = 0; round < 8; round += 1) {
      const { peer } = await (round % 2 === 0 ? first : second).online(exeId);
      peer.ws.pause(); // left behind: nobody answers on it
      cleanup.after(() => peer.ws.terminate());
    }
    expect(await list(first, 'ws-laptop')).toMatchObject({ is_online: true, duel: null });
  });
});
