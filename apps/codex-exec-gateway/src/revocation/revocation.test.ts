import { waitFor } from '@codex-gateways/testing';
import { frame } from '../../test/support/frames.ts';
import { INTERNAL_SECRET, SHARED_SECRET, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS, REVOKED_WITHIN_MS } from '../../test/support/patience.ts';
import { upgradeStatus } from '../../test/support/peer.ts';

describe('POST /api/exec-gateway/revoke-turn', () => {
  const gateway = useExecGateway({ CXG_REVOCATION_REFRESH: '1m' });

  const rowOf = async (turnId: string) => {
    const { rows } = await gateway.pool.query<{ expires_at: Date }>(
      'select expires_at from codex_exec.revoked_turns where turn_id = $1',
      [turnId],
    );
    return rows[0];
  };
  /** By a clock that stands still. */
  const secondsAhead = async (turnId: string) =>
    ((await rowOf(turnId))?.expires_at.getTime() ?? 0) / 1000 - gateway.clock.nowSeconds();

  it('closes the live bridges of the turn at once, in the middle of a stream, and no others', async () => {
    const exeId = await gateway.bound();
    const { peer: executor } = await gateway.online(exeId);
    const [revoked, other] = [
      await gateway.harness(exeId, { turnId: 'turn-mid' }),
      await gateway.harness(exeId, { turnId: 'turn-other' }),
    ];
    revoked.send(frame('resume', 'mid'));
    other.send(frame('resume', 'other'));
    await executor.receive(2);
    const startedAt = performance.now();
    expect((await gateway.revoke('turn-mid')).status).toBe(204);
    executor.send(frame('data', 'mid', 'must not arrive'));
    revoked.send(frame('data', 'mid', 'must not arrive'));
    expect(await revoked.waitForClose()).toEqual({ code: 4403, reason: 'the turn was revoked' });
    expect(performance.now() - startedAt).toBeLessThan(REVOKED_WITHIN_MS);
    expect(revoked.frames).toEqual([]);
    other.send(frame('data', 'other', 'fine'));
    const frames = await executor.receive(5); // two resumes, two resets of the dead stream, and the last
    expect(frames.some((bytes) => bytes.includes('must not arrive'))).toBe(false);
    expect(frames.some((bytes) => bytes.includes('fine'))).toBe(true);
  });

  it('refuses everything of the turn afterwards', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const bridge = await gateway.bridgeUrl(exeId, { turnId: 'turn-after' });
    await gateway.revoke('turn-after');
    const token = gateway.capability({ turnId: 'turn-after' });
    expect((await gateway.connectCall(exeId, token)).status).toBe(401);
    expect(await upgradeStatus(bridge)).toBe(401);
    expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId, token))).toBe(401);
  });

  it('is the same twice, and the later expiry counts', async () => {
    gateway.clock.stop();
    const nowSeconds = gateway.clock.nowSeconds();
    for (const exp of [nowSeconds + 500, nowSeconds + 5000, nowSeconds + 100]) {
      expect((await gateway.revoke('turn-twice', { exp })).status).toBe(204);
    }
    expect(await secondsAhead('turn-twice')).toBe(5000);
  });

  it('lasts an hour without an expiry, a minute at least, and a month at most', async () => {
    gateway.clock.stop();
    await gateway.revoke('turn-hour');
    await gateway.revoke('turn-past', { exp: 1 });
    await gateway.revoke('turn-ages', { exp: 99_999_999_999 });
    expect(await secondsAhead('turn-hour')).toBe(3600);
    expect(await secondsAhead('turn-past')).toBe(60);
    expect(await secondsAhead('turn-ages')).toBe(31 * 86_400);
  });

  it('takes an expiry that is null for none, and one within a second for the whole of it', async () => {
    gateway.clock.stop();
    expect((await gateway.revoke('turn-null', { exp: null })).status).toBe(204);
    expect(await secondsAhead('turn-null')).toBe(3600);
    const exp = gateway.clock.nowSeconds() + 500;
    expect((await gateway.revoke('turn-fraction', { exp: exp + 0.25 })).status).toBe(204);
    expect((await rowOf('turn-fraction'))?.expires_at).toEqual(new Date((exp + 1) * 1000));
  });

  it.each([
    ['no turn', {}],
    ['an empty turn', { turn_id: '' }],
    ['a turn of 129 characters', { turn_id: 't'.repeat(129) }],
    ['a NUL', { turn_id: 'a\0' }],
    ['half a surrogate pair', { turn_id: '\ud800' }],
    ['an expiry that is a text', { turn_id: 't', exp: 'tomorrow' }],
    ['a negative expiry', { turn_id: 't', exp: -1 }],
    ['an expiry beyond all numbers', { turn_id: 't', exp: 1e300 }],
  ])('answers 400 to %s', async (_what, body) => {
    const headers = { authorization: `Bearer ${SHARED_SECRET}` };
    expect((await gateway.call('POST', '/api/exec-gateway/revoke-turn', { headers, body })).status).toBe(400);
  });

  it('needs the shared secret', async () => {
    const credentials = [
      {},
      { 'x-internal-secret': INTERNAL_SECRET },
      { authorization: `Bearer ${INTERNAL_SECRET}` },
      { authorization: `Bearer ${gateway.capability()}` },
      { authorization: `Basic ${SHARED_SECRET}` },
    ];
    for (const headers of credentials) {
      const answer = await gateway.call('POST', '/api/exec-gateway/revoke-turn', {
        headers: headers as Record<string, string>,
        body: { turn_id: 'turn-1' },
      });
      expect(answer.status).toBe(401);
    }
  });

  it('leaves an entry in the audit trail', async () => {
    await gateway.revoke('turn-audited');
    const { rows } = await gateway.pool.query('select action from codex_exec.audit_events where turn_id = $1', [
      'turn-audited',
    ]);
    expect(rows).toEqual([{ action: 'turn.revoked' }]);
  });
});

describe('the table of revoked turns', () => {
  const gateway = useExecGateway({ CXG_SWEEP_INTERVAL: '200ms', CXG_REVOCATION_REFRESH: '200ms' });

  const isOnRecord = async (turnId: string) => {
    const { rowCount } = await gateway.pool.query('select 1 from codex_exec.revoked_turns where turn_id = $1', [
      turnId,
    ]);
    return rowCount !== 0;
  };

  it('is forgotten when its tokens are dead by themselves', async () => {
    await gateway.revoke('turn-short', { exp: gateway.clock.nowSeconds() + 120 });
    gateway.clock.advanceSeconds(125);
    await waitFor(async () => !(await isOnRecord('turn-short')), {
      timeoutMs: PATIENCE_MS,
      describe: 'the row to be removed',
    });
    await waitFor(
      async () => {
        const { rows } = await gateway.pool.query<{ count: string }>('select count(*) from codex_exec.revoked_turns');
        return (await gateway.metric('codex_exec_revoked_turns')) === Number(rows[0]?.count);
      },
      { timeoutMs: PATIENCE_MS, describe: 'the memory to match the table' },
    );
  });

  it('takes in what is in the table even when no notification came', async () => {
    await gateway.pool.query(
      "insert into codex_exec.revoked_turns (turn_id, expires_at) values ('turn-silent', now() + interval '1 day')",
    );
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const token = gateway.capability({ turnId: 'turn-silent' });
    await waitFor(async () => (await gateway.connectCall(exeId, token)).status === 401, {
      timeoutMs: PATIENCE_MS,
      describe: 'the revocation to be read',
    });
  });
});
