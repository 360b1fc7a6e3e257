import { harnessKeyAuthorization, noiseKeyDigest } from '@codex-gateways/tokens';
import { CAPTOKEN_SECRET, EXECUTOR_KEY, HARNESS_KEY, useExecGateway } from '../../test/support/gateway.ts';

describe('POST /cloud/environment/{id}/validate', () => {
  const gateway = useExecGateway();

  const authorized = async (workspaceId = 'ws-1', claims: { turnId?: string; lifetimeSeconds?: number } = {}) => {
    const exeId = await gateway.bound(workspaceId);
    await gateway.online(exeId);
    const { body } = await gateway.connectCall(exeId, gateway.capability({ workspaceId, ...claims }));
    return {
      exeId,
      body: {
        executor_registration_id: String(body.executor_registration_id),
        harness_public_key: HARNESS_KEY,
        harness_key_authorization: String(body.harness_key_authorization),
      },
    };
  };

  const validate = (exeId: string, body: unknown, token = 'owner-token') =>
    gateway.call('POST', `/cloud/environment/${exeId}/validate`, {
      headers: { authorization: `Bearer ${token}`, 'x-codex-noise-stream-id': 'd1ab94c5' },
      body,
    });

  it('says yes to what /connect handed out, also twice', async () => {
    const { exeId, body } = await authorized();
    for (let round = 0; round < 2; round += 1) {
      expect(await validate(exeId, body)).toMatchObject({ status: 200, body: { valid: true } });
    }
  });

  it('says no to another harness key, another registration, and a forged authorization', async () => {
    const { exeId, body } = await authorized();
    const claims = {
      executor_registration_id: body.executor_registration_id,
      harness_key_digest: noiseKeyDigest(EXECUTOR_KEY),
      turn_id: 'turn-1',
      workspace_id: 'ws-1',
      exp: gateway.clock.nowSeconds() + 60,
    };
    const wrong = [
      { ...body, harness_public_key: EXECUTOR_KEY },
      { ...body, executor_registration_id: 'reg_of-somebody-else' },
      { ...body, harness_key_authorization: 'forged' },
      { ...body, harness_key_authorization: gateway.capability() },
      { ...body, harness_key_authorization: harnessKeyAuthorization.mint(claims, 'another-secret-entirely') },
      { ...body, harness_key_authorization: harnessKeyAuthorization.mint(claims, CAPTOKEN_SECRET) },
    ];
    for (const each of wrong)
      expect(await validate(exeId, each)).toMatchObject({ status: 200, body: { valid: false } });
  });

  it('says no to the authorization of another executor of the same owner', async () => {
    const [mine, other] = [await authorized(), await authorized()];
    expect(await validate(mine.exeId, other.body)).toMatchObject({ status: 200, body: { valid: false } });
  });

  it('says no once the turn is revoked, the binding gone, the time over, or the executor registered anew', async () => {
    const revoked = await authorized('ws-1', { turnId: 'turn-r' });
    await gateway.revoke('turn-r');
    const unbound = await authorized('ws-u');
    await gateway.manage('DELETE', `/workspaces/ws-u/executors/${unbound.exeId}`);
    const restarted = await authorized();
    await gateway.online(restarted.exeId);
    const late = await authorized();
    for (const { exeId, body } of [revoked, unbound, restarted]) {
      expect(await validate(exeId, body)).toMatchObject({ status: 200, body: { valid: false } });
    }
    expect(await validate(late.exeId, late.body)).toMatchObject({ body: { valid: true } });
    gateway.clock.advanceSeconds(61);
    expect(await validate(late.exeId, late.body)).toMatchObject({ status: 200, body: { valid: false } });
  });

  it('answers 401 to bad credentials, 403 to another user, 404 to an unknown executor, 503 when nobody knows', async () => {
    const { exeId, body } = await authorized();
    expect((await validate(exeId, body, 'nobody')).status).toBe(401);
    expect((await validate(exeId, body, 'stranger-token')).status).toBe(403);
    expect((await validate('exe_unknown', body)).status).toBe(404);
    gateway.agentserver.mood = 'errs';
    expect((await validate(exeId, body)).status).toBe(503);
    gateway.agentserver.mood = 'answers';
  });

  it.each([
    ['no body', undefined],
    ['no authorization', { executor_registration_id: 'r', harness_public_key: HARNESS_KEY }],
    ['a number', { executor_registration_id: 1, harness_public_key: HARNESS_KEY, harness_key_authorization: 'x' }],
  ])('answers 400 to %s', async (_what, body) => {
    expect((await validate(await gateway.executor(), body)).status).toBe(400);
  });
});
