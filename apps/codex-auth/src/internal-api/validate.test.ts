import { waitFor } from '@codex-gateways/testing';
import { addAgent, revokeAgent } from '../../test/agent.ts';
import { useWorld } from '../../test/use-world.ts';

const PATH = '/internal/codex-auth/validate';
const TASK_TTL_SECONDS = 1000;

/** An assertion whose signature is over another timestamp. */
function withOtherTimestamp(assertion: string, timestamp: string): string {
  const claims = JSON.parse(Buffer.from(assertion, 'base64url').toString());
  return Buffer.from(JSON.stringify({ ...claims, timestamp })).toString('base64url');
}

describe('POST /internal/codex-auth/validate', () => {
  const world = useWorld({ CODEX_AUTH_AGENT_TASK_TTL: `${TASK_TTL_SECONDS}s` });
  afterEach(() => world.auth.clock.run());
  const validate = (body: object) => world.internal(PATH, body);
  const validateAssertion = (assertion: string, account?: string) =>
    validate({ scheme: 'agent_assertion', assertion, ...(account === undefined ? {} : { account_id: account }) });
  const validateBearer = (token: string, account?: string) =>
    validate({ scheme: 'bearer', token, ...(account === undefined ? {} : { account_id: account }) });

  async function setUp() {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'member' }]);
    return { person, workspaceId };
  }
  async function runningAgent({ lifetimeSeconds = 100_000 } = {}) {
    const { person, workspaceId } = await setUp();
    const agent = await addAgent(world, { person, workspaceId, lifetimeSeconds });
    return { person, workspaceId, agent, taskId: await agent.registeredTask() };
  }

  it('says whose an assertion is, with its workspace as the account or without any', async () => {
    const { person, workspaceId, agent, taskId } = await runningAgent();
    for (const account of [undefined, workspaceId]) {
      const answer = await validateAssertion(agent.assertion(taskId), account);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ user_id: person.id });
    }
    expect(
      (await validate({ scheme: 'agent_assertion', assertion: agent.assertion(taskId), account_id: null })).status,
    ).toBe(200);
  });

  it('says whose an access token is, with a workspace of its user as the account or without any', async () => {
    const { person, workspaceId } = await setUp();
    const second = await world.addWorkspace([{ person, role: 'owner' }]);
    const token = await world.accessTokenOf(person);
    for (const account of [undefined, workspaceId, second]) {
      const answer = await validateBearer(token, account);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ user_id: person.id });
    }
  });

  it('answers one and the same 401 to every bad assertion', async () => {
    const revoked = await runningAgent();
    await revokeAgent(world, revoked.agent);
    const disabled = await runningAgent();
    await world.disable(disabled.person);
    const former = await runningAgent();
    await world.leave(former.workspaceId, former.person);
    const { agent, taskId, person } = await runningAgent();
    const sameWorkspaceOther = await runningAgent();
    const otherWorkspace = await world.addWorkspace([{ person, role: 'owner' }]);
    const fresh = agent.assertion(taskId);
    world.auth.clock.stop();
    const claimed = { agent_runtime_id: agent.id, task_id: taskId, timestamp: agent.timestamp(), signature: '' };
    const answers = [
      ...[revoked, disabled, former].map((bad) => validateAssertion(bad.agent.assertion(bad.taskId))),
      validateAssertion(agent.assertion('task_unknown')),
      validateAssertion(agent.assertion(sameWorkspaceOther.taskId)),
      validateAssertion(agent.assertion(sameWorkspaceOther.taskId, { id: sameWorkspaceOther.agent.id })),
      validateAssertion(agent.assertion(taskId, { timestamp: agent.timestamp(-302) })),
      validateAssertion(agent.assertion(taskId, { timestamp: agent.timestamp(302) })),
      validateAssertion(agent.assertion(taskId, { timestamp: '2026-11-22' })),
      validateAssertion(Buffer.from(JSON.stringify(claimed)).toString('base64url')),
      validateAssertion(Buffer.from(JSON.stringify({ ...claimed, task_id: 'a\0b' })).toString('base64url')),
      validateAssertion(Buffer.from('{}').toString('base64url')),
      validateAssertion(withOtherTimestamp(fresh, agent.timestamp(-1))),
      validateAssertion(''),
      ...[otherWorkspace, 'ws_none', '', 'a\0b', "' or ''='"].map((account) => validateAssertion(fresh, account)),
    ];
    const texts = (await Promise.all(answers)).map(({ status, text }) => `${status} ${text}`);
    expect(texts).toEqual(texts.map(() => '401 {"error":"invalid_token"}'));
    expect((await validateAssertion(fresh)).status).toBe(200);
  });

  it('answers the same 401 to every bad access token', async () => {
    const { person, workspaceId } = await setUp();
    const expired = await world.accessTokenOf(person, { lifetimeSeconds: 5 });
    world.auth.clock.advance(6);
    const revoked = await world.accessTokenOf(person);
    await world.db.query(
      'update codex_auth.codex_access_tokens set revoked_at = now() where issued_at = (select max(issued_at) from codex_auth.codex_access_tokens)',
    );
    const disabled = await setUp();
    const ofDisabled = await world.accessTokenOf(disabled.person);
    await world.disable(disabled.person);
    const token = await world.accessTokenOf(person);
    const foreign = await world.addWorkspace([]);
    const ofOtherClient = await world.accessTokenOf(person, { clientId: 'some-client', scope: 'openid email' });
    const agent = await addAgent(world, { person, workspaceId });
    const bad = [expired, revoked, ofDisabled, ofOtherClient, agent.jwt, `${token.slice(0, -4)}AAAA`, 'x.y.z', ''];
    const answers = [
      ...bad.map((each) => validateBearer(each)),
      ...[foreign, 'ws_none', 'a\0b', ''].map((account) => validateBearer(token, account)),
    ];
    const texts = (await Promise.all(answers)).map(({ status, text }) => `${status} ${text}`);
    expect(texts).toEqual(texts.map(() => '401 {"error":"invalid_token"}'));
    expect((await validateBearer(token, workspaceId)).status).toBe(200);
  });

  it('lets another client’s token attach executors when its user granted that', async () => {
    const { person } = await setUp();
    for (const scope of ['openid api.connectors.invoke', 'codex.api']) {
      const token = await world.accessTokenOf(person, { clientId: 'some-client', scope });
      expect((await validateBearer(token)).status).toBe(200);
    }
  });

  it('accepts an assertion for five minutes, as often as it comes, and not after', async () => {
    const { agent, taskId } = await runningAgent();
    world.auth.clock.stop();
    const assertion = agent.assertion(taskId);
    expect((await validateAssertion(assertion)).status).toBe(200);
    world.auth.clock.advance(298);
    expect((await validateAssertion(assertion)).status).toBe(200);
    world.auth.clock.advance(5);
    expect((await validateAssertion(assertion)).status).toBe(401);
  });

  it('ends with the identity', async () => {
    const { agent, taskId } = await runningAgent({ lifetimeSeconds: 100 });
    world.auth.clock.advance(100);
    expect((await validateAssertion(agent.assertion(taskId))).status).toBe(401);
  });

  it('keeps a task alive that is used, far beyond the lifetime of one that is not', async () => {
    const [used, idle] = [await runningAgent(), await runningAgent()];
    const expiryOf = async () => {
      const { rows } = await world.db.query('select expires_at from codex_auth.codex_agent_tasks where task_id = $1', [
        used.taskId,
      ]);
      return (rows[0].expires_at as Date).getTime();
    };
    for (let step = 0; step < 4; step += 1) {
      const before = await expiryOf();
      world.auth.clock.advance(TASK_TTL_SECONDS / 2);
      expect((await validateAssertion(used.agent.assertion(used.taskId))).status).toBe(200);
      await waitFor(async () => (await expiryOf()) > before, { timeoutMs: 60_000, describe: 'the use to be noted' });
    }
    expect((await validateAssertion(idle.agent.assertion(idle.taskId))).status).toBe(401);
  });

  it('is for callers with the internal secret alone, whose bodies alone are read', async () => {
    const { agent, taskId } = await runningAgent();
    const body = { scheme: 'agent_assertion', assertion: agent.assertion(taskId) };
    const answers = [
      await world.send('POST', PATH, body),
      await world.internal(PATH, body, 'a wrong secret of some length'),
      await world.internal(PATH, 'x'.repeat(1_000_000), ''),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.body).toEqual({ error: 'unauthorized' });
    }
  });

  it.each([
    ['no scheme', { token: 'x' }],
    ['another scheme', { scheme: 'basic', token: 'x' }],
    ['a bearer without a token', { scheme: 'bearer' }],
    ['a token for an assertion', { scheme: 'agent_assertion', token: 'x' }],
    ['a token that is no text', { scheme: 'bearer', token: { $ne: '' } }],
    ['an account that is no text', { scheme: 'bearer', token: 'x', account_id: 7 }],
    ['an array', []],
    ['nothing', undefined],
    ['broken JSON', '{"scheme":"bearer"'],
  ])('answers 400 to %s', async (_what, body) => {
    const answer = await world.internal(PATH, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: 'invalid_request' });
  });

  it('answers 413 to a body that is too large', async () => {
    const answer = await validateBearer('x'.repeat(200_000));
    expect(answer.status).toBe(413);
  });
});
