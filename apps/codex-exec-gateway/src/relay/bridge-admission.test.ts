import { waitFor } from '@codex-gateways/testing';
import { bridgeTicket, capabilityToken, harnessKeyAuthorization, noiseKeyDigest } from '@codex-gateways/tokens';
import { CAPTOKEN_SECRET, EXECUTOR_KEY, HARNESS_KEY, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import { connect, tryConnect, upgradeStatus } from '../../test/support/peer.ts';

describe('POST /cloud/environment/{id}/connect', () => {
  const gateway = useExecGateway();

  it('gives a harness of the workspace everything that it needs to meet the executor', async () => {
    const exeId = await gateway.bound();
    const { registered } = await gateway.online(exeId);
    const { status, body } = await gateway.connectCall(exeId, gateway.capability());
    expect(status).toBe(200);
    expect(body).toEqual({
      environment_id: exeId,
      url: expect.stringMatching(`^${gateway.wsUrl}/bridge/${exeId}\\?role=harness&token=[\\w.-]+$`),
      security_profile: 'noise_hybrid_ik_v1',
      executor_registration_id: registered.registrationId,
      executor_public_key: EXECUTOR_KEY,
      harness_key_authorization: expect.any(String),
    });
  });

  it('binds what it hands out to turn, workspace, executor and harness key, for a minute', async () => {
    const exeId = await gateway.bound();
    const { registered } = await gateway.online(exeId);
    const { body } = await gateway.connectCall(exeId, gateway.capability({ lifetimeSeconds: 3600 }));
    const nowSeconds = gateway.clock.nowSeconds();
    const token = new URL(String(body.url)).searchParams.get('token') ?? '';
    const ticket = bridgeTicket.verify(token, CAPTOKEN_SECRET, nowSeconds);
    const shared = {
      turn_id: 'turn-1',
      workspace_id: 'ws-1',
      executor_registration_id: registered.registrationId,
      harness_key_digest: noiseKeyDigest(HARNESS_KEY),
    };
    expect(ticket).toMatchObject({ ok: true, payload: { ...shared, exe_id: exeId } });
    if (ticket.ok) expect(ticket.payload.exp - nowSeconds).toBeLessThanOrEqual(60);
    const authorization = String(body.harness_key_authorization);
    expect(harnessKeyAuthorization.verify(authorization, CAPTOKEN_SECRET, nowSeconds)).toMatchObject({
      ok: true,
      payload: shared,
    });
  });

  it('gives the key of the connection that is live, not of a later registration', async () => {
    const exeId = await gateway.bound();
    const { registered } = await gateway.online(exeId);
    await gateway.registered(exeId);
    const { body } = await gateway.connectCall(exeId, gateway.capability());
    expect(body.executor_registration_id).toBe(registered.registrationId);
  });

  it('refuses what is not the token of a running turn with 401', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    await gateway.revoke('turn-gone');
    const good = gateway.capability();
    const [header, payload] = good.split('.');
    const claims = { turn_id: 't', workspace_id: 'ws-1', iat: 1, exp: 9_999_999_999 };
    const tokens = [
      '',
      'x',
      `${header}.${payload}.`,
      `${header}.${payload}`,
      capabilityToken.mint(claims, 'another-secret-entirely'),
      gateway.capability({ lifetimeSeconds: 0 }),
      gateway.capability({ turnId: 'turn-gone' }),
      new URL(await gateway.bridgeUrl(exeId)).searchParams.get('token') ?? '',
    ];
    for (const token of tokens) {
      const { status, body } = await gateway.connectCall(exeId, token);
      expect([token, status]).toEqual([token, 401]);
      expect(body).toMatchObject({ error: { code: 'unauthorized' } });
    }
  });

  it('refuses the token of another workspace with 403, and an unknown executor no differently', async () => {
    const exeId = await gateway.bound('ws-1');
    await gateway.online(exeId);
    const foreign = gateway.capability({ workspaceId: 'ws-2' });
    const refused = await gateway.connectCall(exeId, foreign);
    const unknown = await gateway.connectCall('exe_unknown', foreign);
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'not_in_workspace' } } });
    expect(unknown.body).toEqual(refused.body);
  });

  it('answers 503 while the executor is offline and 409 while it is a legacy one', async () => {
    const exeId = await gateway.bound();
    expect(await gateway.connectCall(exeId, gateway.capability())).toMatchObject({
      status: 503,
      body: { error: { code: 'executor_offline' } },
    });
    await gateway.online(exeId, { legacy: true });
    expect(await gateway.connectCall(exeId, gateway.capability())).toMatchObject({
      status: 409,
      body: { error: { code: 'generation_mismatch', message: expect.stringContaining('0.140') } },
    });
  });

  it.each([
    ['no body', undefined],
    ['no key', {}],
    ['half a key', { harness_public_key: { suite: 's' } }],
    ['text', '"key"'],
  ])('answers 400 to %s', async (_what, body) => {
    const exeId = await gateway.bound();
    const headers = { authorization: `Bearer ${gateway.capability()}` };
    expect((await gateway.call('POST', `/cloud/environment/${exeId}/connect`, { headers, body })).status).toBe(400);
  });
});

describe('ws /bridge/{exe_id}: who may open it', () => {
  const gateway = useExecGateway({ CXG_MAX_HARNESSES_PER_TURN: '2' });

  it('opens with the ticket of /connect', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const harness = await gateway.harness(exeId);
    expect(harness.closed).toBeUndefined();
    harness.close();
  });

  it('opens to a legacy harness with a capability token, in the query or as a bearer', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId, { legacy: true });
    const inQuery = gateway.capability({ turnId: 'turn-query' });
    expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId, inQuery))).toBe(101);
    const authorization = `Bearer ${gateway.capability({ turnId: 'turn-bearer' })}`;
    expect(await upgradeStatus(`${gateway.wsUrl}/bridge/${exeId}?role=harness`, { authorization })).toBe(101);
  });

  it('opens with the ticket of /connect also when a capability token of its turn comes with it', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const url = await gateway.bridgeUrl(exeId, { turnId: 'turn-both' });
    const showing = (token: string) => upgradeStatus(url, { authorization: `Bearer ${token}` });
    expect(await showing(gateway.capability({ turnId: 'turn-both' }))).toBe(101);
    expect(await showing('x')).toBe(401);
    expect(await showing(gateway.capability({ turnId: 'turn-both', lifetimeSeconds: 0 }))).toBe(401);
    expect(await showing(gateway.capability({ turnId: 'turn-other' }))).toBe(401);
  });

  it('refuses with 409 where the generations differ, either way', async () => {
    const exeId = await gateway.bound();
    const { peer } = await gateway.online(exeId);
    expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId))).toBe(409);
    const noiseBridge = await gateway.bridgeUrl(exeId);
    peer.close();
    await gateway.online(exeId, { legacy: true });
    expect(await upgradeStatus(noiseBridge)).toBe(409);
  });

  it('refuses with 401 whatever does not hold', async () => {
    const [exeId, other] = [await gateway.bound(), await gateway.bound()];
    await gateway.online(exeId);
    await gateway.online(other);
    const ofOther = new URL(await gateway.bridgeUrl(other)).searchParams.get('token') ?? '';
    await gateway.revoke('turn-over');
    const tokens = [
      '',
      'x',
      ofOther,
      gateway.capability({ turnId: 'turn-over' }),
      gateway.capability({ lifetimeSeconds: 0 }),
      `${ofOther}x`,
    ];
    for (const token of tokens) expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId, token))).toBe(401);
    const twice = `${gateway.wsUrl}/bridge/${exeId}?role=harness&token=${ofOther}&token=${gateway.capability()}`;
    expect(await upgradeStatus(twice)).toBe(401);
    expect(await upgradeStatus(`${gateway.wsUrl}/bridge/${exeId}?role=harness`)).toBe(401);
  });

  it('refuses a ticket that has expired, and one whose turn was revoked since', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const revokedLater = await gateway.bridgeUrl(exeId, { turnId: 'turn-later' });
    await gateway.revoke('turn-later');
    expect(await upgradeStatus(revokedLater)).toBe(401);
    const late = await gateway.bridgeUrl(exeId);
    gateway.clock.advanceSeconds(61);
    expect(await upgradeStatus(late)).toBe(401);
  });

  it('refuses with 403 an executor that is not of the workspace, and with 503 one that is offline', async () => {
    const exeId = await gateway.bound('ws-1');
    expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId))).toBe(503);
    const foreign = gateway.capability({ workspaceId: 'ws-2' });
    expect(await upgradeStatus(gateway.legacyBridgeUrl(exeId, foreign))).toBe(403);
    expect(await upgradeStatus(gateway.legacyBridgeUrl('exe_unknown'))).toBe(403);
  });

  it('refuses with 503 a ticket for a registration that is no longer connected', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const url = await gateway.bridgeUrl(exeId);
    await gateway.online(exeId);
    expect(await upgradeStatus(url)).toBe(503);
  });

  it('refuses another role with 400', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const url = (await gateway.bridgeUrl(exeId)).replace('role=harness', 'role=executor');
    expect(await upgradeStatus(url)).toBe(400);
  });

  it('refuses more connections of one turn than the limit with 429, and lets others in', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const turn = { turnId: 'turn-many' };
    const open = [await gateway.harness(exeId, turn), await gateway.harness(exeId, turn)];
    expect(await upgradeStatus(await gateway.bridgeUrl(exeId, turn))).toBe(429);
    expect(await upgradeStatus(await gateway.bridgeUrl(exeId, { turnId: 'turn-other' }))).toBe(101);
    open[0]?.close();
    await open[0]?.waitForClose();
    await waitFor(async () => (await upgradeStatus(await gateway.bridgeUrl(exeId, turn))) === 101, {
      timeoutMs: PATIENCE_MS,
      describe: 'a place to become free',
    });
  });

  it('closes a bridge when the capability of its turn ends', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId, { legacy: true });
    const token = gateway.capability({ lifetimeSeconds: 100 });
    const harness = await connect(gateway.legacyBridgeUrl(exeId, token));
    harness.send(Buffer.from([0x08, 1, 0x12, 1, 0x61, 0x3a, 0])); // resume of stream "a"
    gateway.clock.advanceSeconds(101);
    expect(await harness.waitForClose()).toMatchObject({ code: 4401 });
  });

  it('logs why it refused, without the token', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const token = gateway.capability();
    const refused = await tryConnect(gateway.legacyBridgeUrl(exeId, token));
    expect(refused).toMatchObject({ kind: 'refused', status: 409 });
    const log = gateway.logLines.join('');
    expect(log).toContain('harness legacy, executor noise');
    expect(log).not.toContain(token);
  });
});

describe('ws /bridge/{exe_id}: CXG_FIRST_FRAME_TIMEOUT', () => {
  const gateway = useExecGateway({ CXG_FIRST_FRAME_TIMEOUT: '400ms' });

  it('closes a bridge on which nothing is said', async () => {
    const exeId = await gateway.bound();
    await gateway.online(exeId);
    const silent = await gateway.harness(exeId);
    expect(await silent.waitForClose()).toMatchObject({ code: 1008 });
  });
});
