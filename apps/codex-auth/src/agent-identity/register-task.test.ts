import { type Agent, addAgent, revokeAgent } from '../../test/agent.ts';
import { useWorld } from '../../test/use-world.ts';

describe('POST /v1/agent/{agent_runtime_id}/task/register', () => {
  const world = useWorld({ CODEX_AUTH_AGENT_FAILURES_PER_MINUTE: '5', CODEX_AUTH_AGENT_TASKS_PER_IDENTITY: '3' });

  afterEach(() => world.auth.clock.run());

  async function newAgent({ lifetimeSeconds = 3600 } = {}) {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'member' }]);
    return { person, workspaceId, agent: await addAgent(world, { person, workspaceId, lifetimeSeconds }) };
  }
  const tasksOf = async (agent: Agent) => {
    const { rows } = await world.db.query<{ task_id: string }>(
      'select task_id from codex_auth.codex_agent_tasks where agent_runtime_id = $1',
      [agent.id],
    );
    return rows.map((row) => row.task_id);
  };

  it('turns a signed timestamp into a task id, on both paths that CLI versions use', async () => {
    const { agent } = await newAgent();
    for (const prefix of ['', '/backend-api']) {
      const answer = await agent.register(agent.registration(agent.timestamp(prefix.length)), { prefix });
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({ task_id: expect.stringMatching(/^task_[A-Za-z0-9_-]{24}$/) });
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
    expect(await tasksOf(agent)).toHaveLength(2);
  });

  it('gives the same task to the same request, which the CLI repeats when an answer is lost', async () => {
    const { agent } = await newAgent();
    const body = agent.registration();
    const answers = await Promise.all(Array.from({ length: 4 }, () => agent.register(body)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await tasksOf(agent)).toHaveLength(1);
  });

  it.each([-300, 299])('accepts a timestamp %d s from now', async (aheadSeconds) => {
    const { agent } = await newAgent();
    world.auth.clock.stop();
    expect((await agent.register(agent.registration(agent.timestamp(aheadSeconds)))).status).toBe(200);
  });

  it('refuses the same request five minutes later', async () => {
    const { agent } = await newAgent();
    const body = agent.registration();
    expect((await agent.register(body)).status).toBe(200);
    world.auth.clock.advance(302);
    expect((await agent.register(body)).status).toBe(401);
  });

  it('answers one and the same 401 to every agent that may not register', async () => {
    const revoked = await newAgent();
    await revokeAgent(world, revoked.agent);
    const disabled = await newAgent();
    await world.disable(disabled.person);
    const former = await newAgent();
    await world.leave(former.workspaceId, former.person);
    const expired = await newAgent({ lifetimeSeconds: 60 });
    world.auth.clock.advance(60);
    const { agent } = await newAgent();
    const { agent: other } = await newAgent();
    const { agent: third } = await newAgent();
    world.auth.clock.stop();
    const answers = [
      await revoked.agent.register(),
      await disabled.agent.register(),
      await former.agent.register(),
      await expired.agent.register(),
      await agent.register(agent.registration(), { id: 'exe_nobody' }),
      await agent.register(agent.registration(), { id: "' or 1=1 --".replaceAll(' ', '_') }),
      await agent.register(other.registration()),
      await agent.register(agent.registration(agent.timestamp(), agent.timestamp())),
      await agent.register({ ...agent.registration(), signature: '' }),
      await agent.register({ ...agent.registration(), timestamp: 'now' }),
      await third.register(third.registration(third.timestamp(-302))),
      await third.register(third.registration(third.timestamp(302))),
      await third.register(third.registration(new Date(world.auth.clock.now()).toUTCString())),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.body.error.code).toBe('unauthorized');
  });

  it.each([
    ['no body', undefined],
    ['an empty body', {}],
    ['no signature', { timestamp: '2026-11-22T00:00:00Z' }],
    ['a number as the timestamp', { timestamp: 1_795_305_600, signature: 'x' }],
    ['a long signature', { timestamp: '2026-11-22T00:00:00Z', signature: 'x'.repeat(200) }],
    ['broken JSON', '{'],
    ['JSON that is no object', '"text"'],
  ])('answers 400 to %s', async (_what, body) => {
    const { agent } = await newAgent();
    const answer = await world.send('POST', `/v1/agent/${agent.id}/task/register`, body);
    expect(answer.status).toBe(400);
  });

  it('answers 413 to a body that is too large', async () => {
    const { agent } = await newAgent();
    expect((await agent.register({ ...agent.registration(), more: 'x'.repeat(10_000) })).status).toBe(413);
  });

  it('turns an agent away that keeps failing, and no other', async () => {
    const [{ agent: failing }, { agent: honest }] = [await newAgent(), await newAgent()];
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      statuses.push((await failing.register(honest.registration())).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const refusal = await failing.register();
    expect(refusal.status).toBe(429);
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await honest.register()).status).toBe(200);
  });

  it('keeps of one agent the tasks used last, so that restarting for ever fills no table', async () => {
    const { agent } = await newAgent();
    const registered: string[] = [];
    for (let start = 0; start < 5; start += 1) {
      registered.push(await agent.registeredTask());
      world.auth.clock.advance(2);
    }
    expect((await tasksOf(agent)).sort()).toEqual(registered.slice(-3).sort());
  });
});
