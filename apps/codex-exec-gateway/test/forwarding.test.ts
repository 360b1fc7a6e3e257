import { randomBytes } from 'node:crypto';
import { useCleanup, waitFor } from '@codex-gateways/testing';
import { hopToken } from '@codex-gateways/tokens';
import { frame, readReset } from './support/frames.ts';
import { CAPTOKEN_SECRET, EXECUTOR_KEY, HARNESS_KEY, type TestGateway } from './support/gateway.ts';
import { PATIENCE_MS, REVOKED_WITHIN_MS } from './support/patience.ts';
import { connect, type Peer, tryConnect, upgradeStatus } from './support/peer.ts';
import { startTwoReplicas, type TwoReplicas } from './support/two-replicas.ts';

describe('a bridge at another replica than its executor', () => {
  const cleanup = useCleanup();
  let replicas: TwoReplicas;
  let owner: TestGateway;
  let entry: TestGateway;

  beforeAll(async () => {
    replicas = await startTwoReplicas(cleanup, { CXG_REVOCATION_REFRESH: '1m', CXG_MAX_HARNESSES_PER_TURN: '3' });
    owner = replicas.first;
    entry = replicas.second;
  });

  const forwarded = async (claims: { turnId: string; workspaceId?: string }, exeId?: string) => {
    const id = exeId ?? (await owner.bound(claims.workspaceId));
    const executor = exeId === undefined ? (await owner.online(id)).peer : undefined;
    const harness = await connect(replicas.at(entry, await entry.bridgeUrl(id, claims)));
    return { exeId: id, harness, executor: executor as Peer };
  };

  it('carries frames both ways as the bytes they came in', async () => {
    const { harness, executor } = await forwarded({ turnId: 'turn-bytes' });
    const there = [
      frame('resume', 's'),
      frame('handshake', 's', randomBytes(3576)),
      frame('data', 's', randomBytes(200_000)),
    ];
    const back = [frame('handshake', 's', randomBytes(3424)), frame('data', 's', randomBytes(200_000))];
    for (const each of there) harness.send(each);
    const received = await executor.receive(3);
    expect(there.every((each, index) => received[index]?.equals(each))).toBe(true);
    for (const each of back) executor.send(each);
    const answers = await harness.receive(2);
    expect(back.every((each, index) => answers[index]?.equals(each))).toBe(true);
    expect(await entry.metric('codex_exec_forwarded_bridges')).toBe(1);
    expect(await owner.metric('codex_exec_forwarded_bridges')).toBe(0);
    expect(await owner.metric('codex_exec_live_streams')).toBe(1);
    harness.close();
    expect(readReset((await executor.receive(4))[3] as Buffer)).toEqual({
      streamId: 's',
      reason: 'harness_disconnected',
    });
    await waitFor(async () => (await entry.metric('codex_exec_forwarded_bridges')) === 0, {
      timeoutMs: PATIENCE_MS,
      describe: 'the bridge to be forgotten',
    });
  });

  it('carries the large frames of a legacy executor', async () => {
    const exeId = await owner.bound('ws-legacy');
    const { peer: executor } = await owner.online(exeId, { legacy: true });
    const token = entry.capability({ workspaceId: 'ws-legacy', turnId: 'turn-legacy' });
    const harness = await connect(entry.legacyBridgeUrl(exeId, token));
    harness.send(frame('resume', 's'));
    await executor.receive(1);
    const large = frame('data', 's', randomBytes(3_000_000));
    executor.send(large);
    expect((await harness.receive(1))[0]?.equals(large)).toBe(true);
    harness.close();
    executor.close();
  });

  it('asks for no sticky sessions: register, connect, bridge and validate may each meet another replica', async () => {
    const exeId = await entry.bound();
    const { url } = await entry.registered(exeId);
    await connect(replicas.at(owner, url));
    const { body } = await owner.connectCall(exeId, owner.capability({ turnId: 'turn-any' }));
    const harness = await connect(replicas.at(entry, String(body.url)));
    const validated = await entry.call('POST', `/cloud/environment/${exeId}/validate`, {
      headers: { authorization: 'Bearer owner-token' },
      body: {
        executor_registration_id: body.executor_registration_id,
        harness_public_key: HARNESS_KEY,
        harness_key_authorization: body.harness_key_authorization,
      },
    });
    expect(body.executor_public_key).toEqual(EXECUTOR_KEY);
    expect(validated).toMatchObject({ status: 200, body: { valid: true } });
    harness.close();
  });

  it.each(['entry', 'owner'] as const)('ends as soon as its turn is revoked at the %s', async (where) => {
    const turnId = `turn-revoked-${where}`;
    const { harness, executor } = await forwarded({ turnId });
    harness.send(frame('resume', 's'));
    await executor.receive(1);
    const startedAt = performance.now();
    await (where === 'entry' ? entry : owner).revoke(turnId);
    expect(await harness.waitForClose()).toEqual({ code: 4403, reason: 'the turn was revoked' });
    expect(performance.now() - startedAt).toBeLessThan(REVOKED_WITHIN_MS);
    expect(readReset((await executor.receive(2))[1] as Buffer)?.streamId).toBe('s');
  });

  it.each(['entry', 'owner'] as const)('ends when the capability expires by the clock of the %s', async (where) => {
    const { harness } = await forwarded({ turnId: `turn-expired-${where}` });
    const { clock } = where === 'entry' ? entry : owner;
    clock.advanceSeconds(601);
    expect(await harness.waitForClose()).toMatchObject({ code: 4401 });
    clock.advanceSeconds(-601);
  });

  it('ends with its binding, and with its executor', async () => {
    const unbound = await forwarded({ turnId: 'turn-unbound', workspaceId: 'ws-unbound' });
    await owner.manage('DELETE', `/workspaces/ws-unbound/executors/${unbound.exeId}`);
    expect(await unbound.harness.waitForClose()).toMatchObject({ code: 4401 });
    const lost = await forwarded({ turnId: 'turn-lost' });
    lost.executor.close();
    expect(await lost.harness.waitForClose()).toEqual({ code: 4404, reason: 'the executor has disconnected' });
  });

  it('passes on how the replica that has the executor ends it', async () => {
    const { harness } = await forwarded({ turnId: 'turn-text' });
    harness.ws.send('text');
    expect(await harness.waitForClose()).toMatchObject({ code: 1003 });
    const large = await forwarded({ turnId: 'turn-large' });
    large.harness.send(Buffer.alloc(262_145));
    expect(await large.harness.waitForClose()).toMatchObject({ code: 1009 });
  });

  it('counts for its turn wherever it was opened, and no longer when it is closed', async () => {
    const claims = { turnId: 'turn-limit' };
    const { exeId, harness } = await forwarded(claims);
    const rest = [await owner.harness(exeId, claims), await owner.harness(exeId, claims)];
    expect(await upgradeStatus(await owner.bridgeUrl(exeId, claims))).toBe(429);
    expect(await upgradeStatus(replicas.at(entry, await entry.bridgeUrl(exeId, claims)))).toBe(429);
    harness.close();
    await waitFor(async () => (await upgradeStatus(await owner.bridgeUrl(exeId, claims))) === 101, {
      timeoutMs: PATIENCE_MS,
      describe: 'a place to become free',
    });
    for (const peer of rest) peer.close();
  });

  it('lets no more bridges of a turn through when many open at once at both replicas', async () => {
    const claims = { turnId: 'turn-race' };
    const { exeId, harness } = await forwarded(claims);
    const urls = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const gateway = index % 2 === 0 ? owner : entry;
        return replicas.at(gateway, await gateway.bridgeUrl(exeId, claims));
      }),
    );
    const outcomes = await Promise.all(urls.map((url) => tryConnect(url)));
    const open = outcomes.flatMap((outcome) => (outcome.kind === 'open' ? [outcome.peer] : []));
    expect(open).toHaveLength(2);
    for (const peer of [harness, ...open]) peer.close();
  });

  it('gives no place to a bridge that was refused, and takes back those of a dead replica', async () => {
    const dead = '00000000-0000-4000-8000-00000000000d';
    const { exeId, harness } = await forwarded({ turnId: 'turn-dead' });
    await owner.pool.query(
      `insert into codex_exec.replicas (replica_id, lease_expires_at) values ($1, now() - interval '1 second')`,
      [dead],
    );
    await owner.pool.query(
      `insert into codex_exec.turn_bridges (turn_id, slot, bridge_id, replica_id, exe_id)
       select 'turn-dead', slot, gen_random_uuid(), $1, 'exe' from generate_series(1, 3) as slot
       on conflict do nothing`,
      [dead],
    );
    for (let round = 0; round < 2; round += 1) await owner.harness(exeId, { turnId: 'turn-dead' });
    expect(await upgradeStatus(await owner.bridgeUrl(exeId, { turnId: 'turn-dead' }))).toBe(429);
    harness.close();
  });

  it('is taken from replicas only, for this replica only, and never forwarded once more', async () => {
    const exeId = await owner.bound();
    const { peer, registered } = await owner.online(exeId);
    const { rows } = await owner.pool.query<{ replica_id: string; internal_url: string }>(
      'select replica_id, internal_url from codex_exec.replicas where lease_expires_at > now()',
    );
    const idOf = (gateway: TestGateway) =>
      rows.find(({ internal_url }) => internal_url === gateway.url)?.replica_id ?? '';
    const hop = (aud: string, changes: Record<string, unknown> = {}) =>
      hopToken.mint(
        {
          ...{ aud, sub: exeId, exp: owner.clock.nowSeconds() + 30 },
          grant: {
            ...{ turn_id: 'turn-hop', workspace_id: 'ws-1', generation: 'noise', capability_exp: 4e9 },
            executor_registration_id: registered.registrationId,
          },
          ...changes,
        },
        CAPTOKEN_SECRET,
      );
    const statusAt = (gateway: TestGateway, token: string) =>
      upgradeStatus(`${gateway.wsUrl}/forwarded-bridge/${exeId}`, { authorization: `Bearer ${token}` });
    expect(await statusAt(owner, hop(idOf(owner)))).toBe(101);
    expect(await statusAt(entry, hop(idOf(entry)))).toBe(503);
    expect(await statusAt(entry, hop(idOf(owner)))).toBe(403);
    expect(await statusAt(owner, hop(idOf(owner), { sub: 'exe_other' }))).toBe(403);
    expect(await statusAt(owner, hop(idOf(owner), { exp: owner.clock.nowSeconds() }))).toBe(403);
    expect(await statusAt(owner, hop(idOf(owner), { grant: { turn_id: 'turn-hop' } }))).toBe(403);
    expect(await statusAt(owner, owner.capability())).toBe(403);
    expect(await statusAt(owner, '')).toBe(403);
    await owner.revoke('turn-hop');
    expect(await statusAt(owner, hop(idOf(owner)))).toBe(401);
    peer.close();
  });

  it('leaves no token in any log', async () => {
    const url = await entry.bridgeUrl((await forwarded({ turnId: 'turn-log' })).exeId, { turnId: 'turn-log' });
    const token = new URL(url).searchParams.get('token') ?? '';
    expect(await upgradeStatus(replicas.at(entry, url))).toBe(101);
    const lines = [...entry.logLines, ...owner.logLines].join('');
    expect(lines).toContain('bridge forwarded');
    expect(lines).not.toContain(token.split('.')[2]);
    expect(lines).not.toMatch(/eyJhbGciOiJIUzI1NiIsInR5cCI6Ik/);
  });

  it('that does not read delays no other bridge, and is cut', async () => {
    const claims = { turnId: 'turn-slow' };
    const { exeId, executor, harness: slow } = await forwarded(claims);
    const quick = (await forwarded(claims, exeId)).harness;
    slow.send(frame('resume', 'slow'));
    quick.send(frame('resume', 'quick'));
    await executor.receive(2);
    slow.ws.pause();
    const chunk = frame('data', 'slow', Buffer.alloc(200_000));
    for (let index = 0; index < 150; index += 1) executor.send(chunk);
    executor.send(frame('data', 'quick', 'not delayed'));
    expect((await quick.receive(1))[0]).toEqual(frame('data', 'quick', 'not delayed'));
    await waitFor(
      async () => (await owner.metric('codex_exec_dropped_frames_total{reason="harness_buffer_full"}')) === 1,
      {
        timeoutMs: PATIENCE_MS,
        describe: 'the slow bridge to be cut',
      },
    );
    slow.ws.resume();
    await slow.waitForClose();
    quick.close();
  });

  it('is paused while its executor does not read, and loses nothing', async () => {
    const { executor, harness } = await forwarded({ turnId: 'turn-paused' });
    executor.ws.pause();
    harness.send(frame('resume', 's'));
    const chunk = frame('data', 's', Buffer.alloc(200_000));
    for (let index = 0; index < 150; index += 1) harness.send(chunk);
    await waitFor(() => harness.ws.bufferedAmount > 0, { timeoutMs: PATIENCE_MS, describe: 'the harness to wait' });
    executor.ws.resume();
    await waitFor(() => executor.frames.length === 151, { timeoutMs: PATIENCE_MS, describe: 'all frames' });
    expect(harness.closed).toBeUndefined();
    harness.close();
  });

  it('goes away with 1001 when either replica shuts down', async () => {
    for (const leaving of ['entry', 'owner'] as const) {
      const pair = await startTwoReplicas(cleanup, { CXG_DRAIN_TIMEOUT: '300ms' });
      const exeId = await pair.first.bound();
      await pair.first.online(exeId);
      const harness = await connect(pair.at(pair.second, await pair.second.bridgeUrl(exeId)));
      const drained = (leaving === 'entry' ? pair.second : pair.first).drain();
      expect(await harness.waitForClose()).toMatchObject({ code: 1001 });
      await drained;
    }
  });
});
