import { waitFor } from '@codex-gateways/testing';
import { Agent } from '../../test/agent.ts';
import { ExecGatewayDouble, type Operation, type Trouble } from '../../test/exec-gateway-double.ts';
import { useReplica } from '../../test/use-replica.ts';
import { type Person, useWorld } from '../../test/use-world.ts';

describe('connectors while exec-gateway is in trouble', () => {
  let gateway: ExecGatewayDouble;
  afterAll(() => gateway.close());
  const world = useWorld(async () => {
    gateway = await ExecGatewayDouble.start();
    return {
      CXG_EXEC_GATEWAY_INTERNAL_URL: `http://127.0.0.1:${gateway.port}`,
      CODEX_AUTH_CONNECTOR_CLEANUP_INTERVAL: '1h',
    };
  });
  /** Another replica, which does not wait for an answer for long, and alone looks for what is to be cleaned up. */
  const impatient = useReplica(world.auth, () => ({
    CXG_EXEC_GATEWAY_INTERNAL_URL: `http://127.0.0.1:${gateway.port}`,
    CODEX_AUTH_EXEC_GATEWAY_TIMEOUT: '2s',
    CODEX_AUTH_CONNECTOR_CLEANUP_INTERVAL: '100ms',
  }));
  const whoWaitsFor = (trouble: Trouble) => (String(trouble).endsWith('silent') ? impatient : world.auth);
  beforeEach(() => {
    gateway.trouble.clear();
    gateway.executors.clear();
    gateway.bindings.clear();
  });

  async function setUp() {
    const person = await world.addPerson();
    return { person, workspaceId: await world.addWorkspace([{ person, role: 'member' }]) };
  }
  const add = async (person: Person, workspaceId: string, { url }: { readonly url: string } = world.auth) => {
    const answer = await fetch(`${url}/api/codex/connectors`, {
      method: 'POST',
      headers: { cookie: person.cookie, 'content-type': 'application/json' },
      body: JSON.stringify({ workspace_id: workspaceId, name: 'laptop' }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: a test says by its assertions what it expects here
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as any };
  };
  /** Lets the retries that are on record become due now instead of seconds or minutes later. */
  const makeDue = () =>
    world.db.query('update codex_auth.codex_connectors set cleanup_at = now() where cleanup_at is not null');
  const statesOf = async (workspaceId: string) => {
    const { rows } = await world.db.query<{ state: string }>(
      'select state from codex_auth.codex_connectors where workspace_id = $1',
      [workspaceId],
    );
    return rows.map(({ state }) => state);
  };
  const untilNothingIsLeft = (workspaceId: string) =>
    waitFor(
      async () => {
        await makeDue();
        return gateway.isEmpty && (await statesOf(workspaceId)).every((state) => state === 'removed');
      },
      { timeoutMs: 60_000, describe: 'nothing to be left at exec-gateway nor on record' },
    );

  const failures: [Operation, Trouble][] = [
    ['register', 500],
    ['register', 401],
    ['register', 'silent'],
    ['register', 'done-but-silent'],
    ['register', 'nonsense'],
    ['bind', 500],
    ['bind', 404],
    ['bind', 'silent'],
    ['bind', 'done-but-silent'],
  ];
  it.each(failures)('leave nothing behind when %s goes wrong: %s', async (operation, trouble) => {
    const { person, workspaceId } = await setUp();
    gateway.trouble.set(operation, trouble);
    const answer = await add(person, workspaceId, whoWaitsFor(trouble));
    expect(answer.status).toBe(503);
    expect(answer.body.error.code).toBe('exec_gateway_unavailable');
    expect(answer.body.error.message).toMatch(/was not added, try again later/);
    gateway.trouble.clear();
    await untilNothingIsLeft(workspaceId);
    const { rows } = await world.db.query('select 1 from codex_auth.codex_agent_identities where workspace_id = $1', [
      workspaceId,
    ]);
    expect(rows).toEqual([]);
    expect((await add(person, workspaceId)).status).toBe(201);
  });

  it.each<[Operation, Trouble]>([
    ['unbind', 500],
    ['delete', 500],
    ['delete', 'silent'],
  ])('undo what failed half-way as soon as it can be undone, also when %s fails: %s', async (operation, trouble) => {
    const { person, workspaceId } = await setUp();
    gateway.trouble.set('bind', 500).set(operation, trouble);
    expect((await add(person, workspaceId, whoWaitsFor(trouble))).status).toBe(503);
    expect(await statesOf(workspaceId)).toEqual(['removing']);
    expect(gateway.executors.size).toBe(1);
    gateway.trouble.clear();
    await untilNothingIsLeft(workspaceId);
  });

  it('clean up after a process that died while it made one', async () => {
    const { person, workspaceId } = await setUp();
    gateway.executors.set('exe_orphan', { ownerUserId: person.id, displayName: 'laptop' });
    await world.db.query(
      `insert into codex_auth.codex_connectors (exe_id, workspace_id, user_id, name, state, cleanup_at)
       values ('exe_orphan', $1, $2, 'laptop', 'creating', now())`,
      [workspaceId, person.id],
    );
    await untilNothingIsLeft(workspaceId);
  });

  it('answer 503 with words while exec-gateway is away, and work when it is back', async () => {
    const { person, workspaceId } = await setUp();
    const { port } = gateway;
    await gateway.close();
    const answers = [
      await add(person, workspaceId),
      await world.call(person, 'GET', `/api/codex/connectors?workspace_id=${workspaceId}`),
    ];
    await gateway.listen(port);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.body.error.message).toMatch(/codex-exec-gateway .*try again later/);
      expect(answer.headers.get('retry-after')).toBe('5');
    }
    expect((await add(person, workspaceId)).status).toBe(201);
  });

  it('end at once for the executor when they are removed, although exec-gateway is away, and there when it is back', async () => {
    const { person, workspaceId } = await setUp();
    const { body } = await add(person, workspaceId);
    const agent = new Agent(world, { id: body.exe_id, jwt: body.agent_identity_jwt });
    const taskId = await agent.registeredTask();
    const validate = () =>
      world.internal('/internal/codex-auth/validate', {
        scheme: 'agent_assertion',
        assertion: agent.assertion(taskId),
      });
    expect((await validate()).status).toBe(200);

    const { port } = gateway;
    await gateway.close();
    const removed = await world.call(person, 'DELETE', `/api/codex/connectors/${body.exe_id}`);
    const validated = await validate();
    const registered = await agent.register(agent.registration(agent.timestamp(1)));
    await gateway.listen(port);
    expect([removed.status, validated.status, registered.status]).toEqual([204, 401, 401]);
    expect(gateway.executors.has(body.exe_id)).toBe(true);
    expect((await world.call(person, 'GET', `/api/codex/connectors?workspace_id=${workspaceId}`)).body).toEqual([]);
    await untilNothingIsLeft(workspaceId);
  });

  it('do not remove another one whose id exec-gateway gives out twice', async () => {
    const { person, workspaceId } = await setUp();
    const { body: first } = await add(person, workspaceId);
    gateway.answersRegisterWith = first.exe_id;
    const second = await world.call(person, 'POST', '/api/codex/connectors', {
      workspace_id: workspaceId,
      name: 'second',
    });
    gateway.answersRegisterWith = undefined;
    expect(second.status).toBe(503);
    await waitFor(
      async () => {
        await makeDue();
        return (await statesOf(workspaceId)).includes('removed');
      },
      { timeoutMs: 60_000, describe: 'the second to go' },
    );
    expect(gateway.executors.has(first.exe_id)).toBe(true);
    expect((await statesOf(workspaceId)).sort()).toEqual(['active', 'removed']);
  });
});
