import jwt from 'jsonwebtoken';
import { ExecGatewayDouble } from '../../test/exec-gateway-double.ts';
import { INTERNAL_SECRET } from '../../test/use-auth-service.ts';
import { type Person, useWorld } from '../../test/use-world.ts';

describe('connectors', () => {
  let gateway: ExecGatewayDouble;
  afterAll(() => gateway.close());
  const world = useWorld(async () => {
    gateway = await ExecGatewayDouble.start();
    return {
      CXG_EXEC_GATEWAY_INTERNAL_URL: `http://127.0.0.1:${gateway.port}`,
      CODEX_AUTH_EXEC_GATEWAY_PUBLIC_URL: 'https://exec.example.com/base/',
      CODEX_AUTH_CONNECTORS_PER_WORKSPACE: '3',
    };
  });

  const add = (person: Person | undefined, body: unknown) => world.call(person, 'POST', '/api/codex/connectors', body);
  const list = (person: Person, workspaceId: string) =>
    world.call(person, 'GET', `/api/codex/connectors?workspace_id=${workspaceId}`);
  const remove = (person: Person, exeId: string) => world.call(person, 'DELETE', `/api/codex/connectors/${exeId}`);
  async function team() {
    const [owner, ada, ben] = [await world.addPerson(), await world.addPerson(), await world.addPerson()];
    const workspaceId = await world.addWorkspace([
      { person: owner, role: 'owner' },
      { person: ada, role: 'member' },
      { person: ben, role: 'member' },
    ]);
    return { owner, ada, ben, workspaceId };
  }

  it('make an executor of the person’s, bind it and give out what starts it', async () => {
    const { ada, workspaceId } = await team();
    const body = { workspace_id: workspaceId, name: 'laptop', description: 'on the desk', is_default: true };
    const added = await add(ada, body);
    expect(added.status).toBe(201);
    expect(added.headers.get('cache-control')).toBe('no-store');
    const { exe_id: exeId, agent_identity_jwt: identity } = added.body;
    expect(added.body).toEqual({
      exe_id: expect.stringMatching(/^exe_[0-9a-f-]{36}$/),
      agent_identity_jwt: expect.any(String),
      identity_expires_at: expect.stringMatching(/Z$/),
      environment: {
        CODEX_ACCESS_TOKEN: identity,
        CODEX_AGENT_IDENTITY_AUTHAPI_BASE_URL: world.auth.url,
        CODEX_AGENT_IDENTITY_JWKS_BASE_URL: world.auth.url,
      },
      command: `codex exec-server --remote https://exec.example.com/base --environment-id ${exeId} --use-agent-identity-auth`,
    });
    expect(jwt.decode(identity)).toMatchObject({ agent_runtime_id: exeId, account_id: workspaceId, email: ada.email });
    expect(gateway.executors.get(exeId)).toEqual({ ownerUserId: ada.id, displayName: 'laptop' });
    expect(gateway.bindings.get(`${workspaceId} ${exeId}`)).toEqual({
      ...{ name: 'laptop', description: 'on the desk', is_default: true },
    });
    for (const { secret, userId } of gateway.seen) expect([secret, userId]).toEqual([INTERNAL_SECRET, ada.id]);
  });

  it('take the id that exec-gateway gives when it does not take ours', async () => {
    const { ada, workspaceId } = await team();
    gateway.takesProposedIds = false;
    const { body } = await add(ada, { workspace_id: workspaceId, name: 'laptop' });
    gateway.takesProposedIds = true;
    expect(gateway.executors.has(body.exe_id)).toBe(true);
    expect((await list(ada, workspaceId)).body).toMatchObject([{ exe_id: body.exe_id, is_online: true }]);
    expect((await remove(ada, body.exe_id)).status).toBe(204);
    expect(gateway.executors.has(body.exe_id)).toBe(false);
  });

  it('are the default of a workspace that has none, and only then by themselves', async () => {
    const { ada, workspaceId } = await team();
    const defaults: boolean[] = [];
    for (const name of ['first', 'second']) {
      const { body } = await add(ada, { workspace_id: workspaceId, name });
      defaults.push(gateway.bindings.get(`${workspaceId} ${body.exe_id}`)?.is_default ?? false);
    }
    expect(defaults).toEqual([true, false]);
  });

  it('have one name each in their workspace, whatever its case and however many are added at once', async () => {
    const { ada, ben, workspaceId } = await team();
    const other = await world.addWorkspace([{ person: ada, role: 'member' }]);
    const adding = ['Laptop', 'laptop', 'LAPTOP'].map((name) => add(ben, { workspace_id: workspaceId, name }));
    const answers = await Promise.all(adding);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.error.code).toBe('name_taken');
    expect((await add(ada, { workspace_id: other, name: 'laptop' })).status).toBe(201);
    const [{ exe_id: exeId }] = (await list(ben, workspaceId)).body;
    await remove(ben, exeId);
    expect((await add(ada, { workspace_id: workspaceId, name: 'laptop' })).status).toBe(201);
  });

  it('are not more than a workspace may have, however many are added at once', async () => {
    const { ada, workspaceId } = await team();
    const adding = ['a', 'b', 'c', 'd', 'e'].map((name) => add(ada, { workspace_id: workspaceId, name }));
    const statuses = (await Promise.all(adding)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([201, 201, 201, 409, 409]);
  });

  it('are listed for every member, with what exec-gateway knows of them', async () => {
    const { ada, ben, workspaceId } = await team();
    const { body: added } = await add(ada, { workspace_id: workspaceId, name: 'laptop' });
    const { status, body } = await list(ben, workspaceId);
    expect(status).toBe(200);
    expect(body).toEqual([
      {
        exe_id: added.exe_id,
        workspace_id: workspaceId,
        user_id: ada.id,
        name: 'laptop',
        description: '',
        is_default: true,
        is_online: true,
        last_seen_at: '2026-11-22T01:02:03.000Z',
        codex_version: null,
        duel: { since: '2026-11-22T01:02:04.000Z' },
        created_at: expect.stringMatching(/Z$/),
        identity_expires_at: added.identity_expires_at,
      },
    ]);
    expect((await list(await world.addPerson(), workspaceId)).status).toBe(404);
    expect((await world.call(ada, 'GET', '/api/codex/connectors')).status).toBe(400);
  });

  it('are removed by who added them or by an owner, with 204 however often', async () => {
    const { owner, ada, ben, workspaceId } = await team();
    const stranger = await world.addPerson();
    const { body: first } = await add(ada, { workspace_id: workspaceId, name: 'first' });
    const { body: second } = await add(ada, { workspace_id: workspaceId, name: 'second' });
    const asStranger = await remove(stranger, first.exe_id);
    expect(asStranger.status).toBe(404);
    expect(asStranger.text).toBe((await remove(stranger, 'exe_none')).text);
    expect((await remove(ben, first.exe_id)).status).toBe(403);
    expect(gateway.executors.has(first.exe_id)).toBe(true);
    const answers = await Promise.all([1, 2, 3].map(() => remove(ada, first.exe_id)));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect((await remove(owner, second.exe_id)).status).toBe(204);
    expect((await remove(ada, second.exe_id)).status).toBe(204);
    expect([first, second].map(({ exe_id }) => gateway.executors.has(exe_id))).toEqual([false, false]);
    expect((await list(ada, workspaceId)).body).toEqual([]);
  });

  it.each([
    ['no name', { workspace_id: 'WS' }],
    ['a long description', { workspace_id: 'WS', name: 'n', description: 'x'.repeat(501) }],
    ['a default that is no boolean', { workspace_id: 'WS', name: 'n', is_default: 'yes' }],
    ['a name of two lines', { workspace_id: 'WS', name: 'a\nb' }],
    ['nothing', undefined],
  ])('are not made for %s', async (_what, body) => {
    const { ada, workspaceId } = await team();
    const answer = await add(ada, body && { ...body, workspace_id: workspaceId });
    expect(answer.status).toBe(400);
  });

  it('are not made for strangers, nor for nobody', async () => {
    const { workspaceId } = await team();
    expect((await add(await world.addPerson(), { workspace_id: workspaceId, name: 'n' })).status).toBe(404);
    expect((await add(undefined, { workspace_id: workspaceId, name: 'n' })).status).toBe(401);
  });
});
