import { waitFor } from '@codex-gateways/testing';
import { verifyWsTicket } from '@codex-gateways/tokens';
import { CAPTOKEN_SECRET, EXECUTOR_KEY, INTERNAL_SECRET, useExecGateway } from '../../test/support/gateway.ts';
import { PATIENCE_MS } from '../../test/support/patience.ts';

describe('POST /cloud/environment/{id}/register (docs/protocol.md, executor registration)', () => {
  const gateway = useExecGateway();

  const register = (exeId: string, headers: Record<string, string>, body: unknown = noiseBody()) =>
    gateway.call('POST', `/cloud/environment/${exeId}/register`, { headers, body });
  const noiseBody = (over: Record<string, unknown> = {}) => ({
    security_profile: 'noise_hybrid_ik_v1',
    executor_public_key: EXECUTOR_KEY,
    ...over,
  });
  const owner = { authorization: 'Bearer owner-token' };

  it('answers a Noise executor with everything that the CLI insists on', async () => {
    const exeId = await gateway.executor();
    const { status, body, headers } = await register(exeId, owner);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      id: exeId,
      executor_id: exeId,
      environment_id: exeId,
      url: expect.stringMatching(`^${gateway.wsUrl}/codex-exec/${exeId}\\?token=${exeId}\\.\\d+\\.[\\w-]{43}$`),
      security_profile: 'noise_hybrid_ik_v1',
      executor_registration_id: expect.stringMatching(/^reg_/),
    });
    const { rows } = await gateway.pool.query(
      `select generation, key_suite, x25519_public_key, mlkem768_public_key
         from codex_exec.executor_registrations
        where executor_registration_id = $1`,
      [body.executor_registration_id],
    );
    expect(rows).toEqual([
      {
        generation: 'noise',
        key_suite: EXECUTOR_KEY.suite,
        x25519_public_key: EXECUTOR_KEY.x25519_public_key,
        mlkem768_public_key: EXECUTOR_KEY.mlkem768_public_key,
      },
    ]);
  });

  it('mints a ticket of five minutes for this executor', async () => {
    const exeId = await gateway.executor();
    gateway.clock.stop();
    const { ticket } = await gateway.registered(exeId);
    const nowSeconds = gateway.clock.nowSeconds();
    const verified = verifyWsTicket(ticket, { exeId, secret: CAPTOKEN_SECRET, nowSeconds });
    expect(verified).toEqual({ ok: true, expiresAtSeconds: nowSeconds + 300 });
  });

  it('answers a legacy executor, which sends no body, on both paths', async () => {
    const exeId = await gateway.executor();
    for (const kind of ['environment', 'executor']) {
      const { status, body } = await gateway.call('POST', `/cloud/${kind}/${exeId}/register`, { headers: owner });
      expect(status).toBe(200);
      expect(body).toMatchObject({ environment_id: exeId, url: expect.stringContaining('ws://') });
      expect(body).not.toHaveProperty('security_profile');
    }
  });

  it('passes the credentials on with the secret, and the account with them', async () => {
    const exeId = await gateway.executor();
    gateway.agentserver.knows('ZXhl', 'user-owner');
    await register(exeId, { authorization: 'AgentAssertion ZXhl', 'chatgpt-account-id': 'acc-9' });
    expect(gateway.agentserver.validations.at(-1)).toEqual({
      secret: INTERNAL_SECRET,
      body: { scheme: 'agent_assertion', assertion: 'ZXhl', account_id: 'acc-9' },
    });
  });

  it('gives every registration a ticket of its own, also within one second', async () => {
    const exeId = await gateway.executor();
    const registered = await Promise.all(Array.from({ length: 6 }, () => gateway.registered(exeId)));
    expect(new Set(registered.map(({ ticket }) => ticket)).size).toBe(6);
    expect(new Set(registered.map(({ registrationId }) => registrationId)).size).toBe(6);
  });

  it('holds back an executor that registers without end, and lets it in as time passes', async () => {
    const exeId = await gateway.executor();
    gateway.clock.stop();
    const statuses: number[] = [];
    for (let round = 0; round < 70; round += 1) statuses.push((await gateway.cloudRegister(exeId)).status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(60);
    expect(statuses.at(-1)).toBe(503);
    gateway.clock.advanceSeconds(5);
    expect((await gateway.cloudRegister(exeId)).status).toBe(200);
  });

  it('notes what the caller shows of itself', async () => {
    const exeId = await gateway.bound('ws-meta');
    await register(exeId, { ...owner, 'user-agent': 'codex_cli_rs/0.150.0 (Debian 12.0.0; x86_64) xterm' });
    const { body } = await gateway.manage<Record<string, unknown>[]>('GET', '/workspaces/ws-meta/executors');
    expect(body).toMatchObject([
      { codex_version: '0.150.0', os: 'Debian 12.0.0; x86_64', last_seen_at: expect.any(String) },
    ]);
  });

  it.each([
    ['no credentials', {}],
    ['an unknown scheme', { authorization: 'Basic dTpw' }],
    ['a bearer that nobody knows', { authorization: 'Bearer nobody' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['two words', { authorization: 'Bearer a b' }],
  ])('answers 401 to %s', async (_what, headers) => {
    const { status, body } = await register(await gateway.executor(), headers as Record<string, string>);
    expect(status).toBe(401);
    expect(body).toEqual({
      error: { code: 'invalid_credentials', message: expect.stringContaining('codex login') },
    });
  });

  it('answers 403 to a user who does not own the executor, and stores nothing', async () => {
    const exeId = await gateway.executor();
    const { status, body } = await register(exeId, { authorization: 'Bearer stranger-token' });
    expect(status).toBe(403);
    expect(body).toMatchObject({ error: { code: 'not_owner' } });
    const { rowCount } = await gateway.pool.query('select 1 from codex_exec.executor_registrations where exe_id = $1', [
      exeId,
    ]);
    expect(rowCount).toBe(0);
  });

  it.each(['exe_unknown', '%00', 'a%20b', 'x'.repeat(300), '..%2f..%2fetc'])('answers 404 to %s', async (exeId) => {
    const { status, body } = await register(exeId, owner);
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code: 'executor_not_found' } });
  });

  it.each([
    ['text', 'hello'],
    ['an empty object', {}],
    ['a key without a half', noiseBody({ executor_public_key: { suite: 's', x25519_public_key: 'YQ==' } })],
    ['a key that is not base64', noiseBody({ executor_public_key: { ...EXECUTOR_KEY, x25519_public_key: 'a b' } })],
    ['a NUL in the suite', noiseBody({ executor_public_key: { ...EXECUTOR_KEY, suite: 'a\0' } })],
    ['a giant key', noiseBody({ executor_public_key: { ...EXECUTOR_KEY, mlkem768_public_key: 'A'.repeat(5000) } })],
    ['another profile', noiseBody({ security_profile: 'noise_of_tomorrow' })],
  ])('answers 400 to %s as a body', async (_what, body) => {
    expect((await register(await gateway.executor(), owner, body)).status).toBe(400);
  });

  it('answers 413 to a giant body', async () => {
    expect((await register(await gateway.executor(), owner, 'x'.repeat(300_000))).status).toBe(413);
  });

  it('takes the last of a repeated member, as the digest does', async () => {
    const exeId = await gateway.executor();
    const twice = JSON.stringify(noiseBody()).replace('{', '{"security_profile":"other",');
    expect((await register(exeId, owner, twice)).status).toBe(200);
  });

  it('uses the host and scheme that the caller used', async () => {
    const exeId = await gateway.executor();
    const { body } = await register(exeId, { ...owner, 'x-forwarded-proto': 'https' });
    expect(String(body.url)).toMatch(`wss://127.0.0.1:${new URL(gateway.url).port}/codex-exec/`);
  });

  it('counts registrations by outcome, and never logs a ticket or a credential', async () => {
    const exeId = await gateway.executor();
    const before = (await gateway.metric('codex_exec_registrations_total{outcome="noise"}')) ?? 0;
    const { ticket } = await gateway.registered(exeId);
    expect(await gateway.metric('codex_exec_registrations_total{outcome="noise"}')).toBe(before + 1);
    await waitFor(() => gateway.logLines.some((line) => line.includes(`${exeId}/register`)), {
      timeoutMs: PATIENCE_MS,
      describe: 'the log line',
    });
    const log = gateway.logLines.join('');
    expect(log).not.toContain(ticket);
    expect(log).not.toContain('owner-token');
    expect(log).not.toContain(INTERNAL_SECRET);
  });
});

describe('registering while something is away', () => {
  const gateway = useExecGateway({ CXG_REGISTER_HOLD: '9s' });

  it('holds the call until the validator is back', async () => {
    const exeId = await gateway.executor();
    await gateway.agentserver.stop();
    const held = gateway.cloudRegister(exeId);
    setTimeout(() => gateway.agentserver.start(), 700);
    expect((await held).status).toBe(200);
  });

  it('does not wait with a refusal', async () => {
    const asked = gateway.agentserver.validations.length;
    expect((await gateway.cloudRegister(await gateway.executor(), { token: 'nobody' })).status).toBe(401);
    expect(gateway.agentserver.validations.length).toBe(asked + 1);
  });
});

describe('registering while something is away for long', () => {
  const gateway = useExecGateway({ CXG_REGISTER_HOLD: '1s' });

  it.each(['errs', 'stalls', 'talks nonsense', 'hangs up'] as const)(
    'answers 503 and never 401 when the validator %s for longer than the call is held',
    async (mood) => {
      const exeId = await gateway.executor();
      gateway.agentserver.mood = mood;
      const { status, body } = await gateway.cloudRegister(exeId);
      gateway.agentserver.mood = 'answers';
      expect(status).toBe(503);
      expect(body).toMatchObject({ error: { code: 'temporarily_unavailable' } });
    },
  );
});

describe('the address that executors get', () => {
  const gateway = useExecGateway({ CXG_PUBLIC_WS_BASE_URL: 'wss://exec.example.test/gateway/' });

  it('is the configured one', async () => {
    const exeId = await gateway.executor();
    const { url } = await gateway.registered(exeId);
    expect(url).toMatch(new RegExp(`^wss://exec\\.example\\.test/gateway/codex-exec/${exeId}\\?token=`));
  });
});
