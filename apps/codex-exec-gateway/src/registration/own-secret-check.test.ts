import { waitFor } from '@codex-gateways/testing';
import { mintWsTicket } from '@codex-gateways/tokens';
import { ACTIVE_USERS_PATH, VALIDATE_PATH } from '../../test/support/agentserver.ts';
import { CAPTOKEN_SECRET, HARNESS_KEY, INTERNAL_SECRET, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';
import { upgradeStatus } from '../../test/support/peer.ts';

const EVERYWHERE = [VALIDATE_PATH, ACTIVE_USERS_PATH];
const REFUSED = { status: 503, body: { status: 'not_ready', missing: { credential_validator: 'secret_refused' } } };

describe('a gateway whose own secret codex-auth may refuse', () => {
  const gateway = useExecGateway();
  const { agentserver } = gateway;

  const errors = () => gateway.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error');
  const ready = () => gateway.call('GET', '/readyz');
  const untilReady = () =>
    waitFor(async () => (await ready()).status === 200, {
      timeoutMs: PATIENCE_MS,
      describe: 'a gateway that is ready',
    });

  afterEach(async () => {
    agentserver.mood = 'answers';
    agentserver.disabled = new Set();
    agentserver.refusesSecretAt = [];
    agentserver.wordForRefusal = 'invalid_token';
    await untilReady();
  });

  it('takes a server that says "unauthorized" of bad credentials at its word, and does not blame itself', async () => {
    agentserver.disabled = undefined;
    agentserver.wordForRefusal = 'unauthorized';
    const exeId = await gateway.executor();
    expect(await gateway.cloudRegister(exeId, { token: 'nobody' })).toMatchObject({
      status: 401,
      body: { error: { code: 'invalid_credentials' } },
    });
    expect((await gateway.cloudRegister(exeId)).status).toBe(200);
    expect((await ready()).body).not.toHaveProperty('missing.credential_validator');
    expect(errors()).toEqual([]);
  });

  it.each(['hangs up', 'stalls'] as const)('is ready while codex-auth %s', async (mood) => {
    agentserver.mood = mood;
    const asked = performance.now();
    await waitFor(async () => (await ready()).status === 200 && performance.now() - asked > 1000, {
      timeoutMs: PATIENCE_MS,
      describe: 'an answer that is newer than what was known before',
    });
  });

  it('answers 503 to executors, whoever they are, and names its variable to the operator in one line', async () => {
    const exeId = await gateway.executor();
    agentserver.refusesSecretAt = EVERYWHERE;
    const answers = await Promise.all([
      gateway.cloudRegister(exeId),
      gateway.cloudRegister(exeId, { token: 'nobody' }),
      gateway.call('POST', `/cloud/environment/${exeId}/validate`, {
        headers: { authorization: 'Bearer owner-token' },
        body: { executor_registration_id: 'r', harness_public_key: HARNESS_KEY, harness_key_authorization: 'x' },
      }),
    ]);
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([
        503,
        { error: { code: 'temporarily_unavailable', message: expect.stringContaining('operator') } },
      ]);
    }
    expect(errors()).toEqual([
      expect.objectContaining({
        variable: 'CXG_AGENTSERVER_INTERNAL_SECRET',
        msg: expect.stringContaining('no executor can register'),
      }),
    ]);
    const log = gateway.logLines.join('');
    expect(log).toContain("codex-auth refuses this gateway's own secret");
    expect(log).not.toContain(INTERNAL_SECRET);
    expect(log).not.toContain('owner-token');
  });

  it('is not ready meanwhile, also when no executor comes or codex-auth goes away, until its secret is taken', async () => {
    agentserver.refusesSecretAt = EVERYWHERE;
    await waitFor(async () => (await ready()).status === 503, {
      timeoutMs: PATIENCE_MS,
      describe: 'a gateway not ready',
    });
    const refusedAtMs = performance.now();
    agentserver.mood = 'hangs up';
    await waitFor(() => performance.now() - refusedAtMs > 1100, {
      timeoutMs: PATIENCE_MS,
      describe: 'that to be long ago',
    });
    expect(await ready()).toMatchObject(REFUSED);
    agentserver.mood = 'answers';
    agentserver.refusesSecretAt = [];
    await untilReady();
  });

  it('takes live tickets, and refuses dead ones with 503 rather than send their executors to register', async () => {
    const exeId = await gateway.executor();
    const { url } = await gateway.registered(exeId);
    const dead = mintWsTicket(exeId, gateway.clock.nowSeconds() - 1, CAPTOKEN_SECRET);
    agentserver.refusesSecretAt = EVERYWHERE;
    expect(await upgradeStatus(`${gateway.wsUrl}/codex-exec/${exeId}?token=${dead}`)).toBe(503);
    expect(await upgradeStatus(url)).toBe(101);
  });

  it('stays ready, and answers 503, when one replica of codex-auth refuses its secret and another takes it', async () => {
    agentserver.refusesSecretAt = [VALIDATE_PATH];
    expect((await gateway.cloudRegister(await gateway.executor())).status).toBe(503);
    expect((await ready()).body).not.toHaveProperty('missing.credential_validator');
  });

  it('answers 503 when it cannot be found out whose fault a refusal is', async () => {
    agentserver.refusesSecretAt = [VALIDATE_PATH];
    agentserver.mood = 'errs';
    expect((await gateway.cloudRegister(await gateway.executor())).status).toBe(503);
  });
});

describe('a gateway whose own secret is refused for a while', () => {
  const gateway = useExecGateway({ CXG_REGISTER_HOLD: '9s' });

  it('holds a register call until its secret is taken', async () => {
    const exeId = await gateway.executor();
    gateway.agentserver.refusesSecretAt = EVERYWHERE;
    const held = gateway.cloudRegister(exeId);
    await waitFor(() => gateway.logLines.some((line) => line.includes('CXG_AGENTSERVER_INTERNAL_SECRET')), {
      timeoutMs: PATIENCE_MS,
      describe: () => `the refusal to be noticed: ${gateway.logLines.join('')}`,
    });
    gateway.agentserver.refusesSecretAt = [];
    expect((await held).status).toBe(200);
  });
});
