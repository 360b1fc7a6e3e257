import { addAgent } from '../../test/agent.ts';
import { type Person, useWorld } from '../../test/use-world.ts';

const world = useWorld({
  CODEX_AUTH_WORKSPACES_PER_USER: '3',
  CODEX_AUTH_MEMBERS_PER_WORKSPACE: '4',
  CODEX_AUTH_BCRYPT_COST: '4',
});
const PATH = '/api/workspaces';

async function team() {
  const [owner, ada, stranger] = [await world.addPerson(), await world.addPerson(), await world.addPerson()];
  const workspaceId = await world.addWorkspace([
    { person: owner, role: 'owner' },
    { person: ada, role: 'member' },
  ]);
  for (const person of [owner, ada, stranger]) await world.addWorkspace([{ person, role: 'owner' }]);
  const call = (person: Person | undefined, method: string, path = '', body?: unknown) =>
    world.call(person, method, `${PATH}/${workspaceId}${path}`, body);
  const roles = async () => {
    const { rows } = await world.db.query(
      'select user_id, role from codex_auth.workspace_members where workspace_id = $1',
      [workspaceId],
    );
    return Object.fromEntries(rows.map((row) => [row.user_id, row.role]));
  };
  return { owner, ada, stranger, workspaceId, call, roles };
}

describe('workspaces', () => {
  it('are made and renamed by people, who then own them', async () => {
    const person = await world.addPerson();
    const made = await world.call(person, 'POST', PATH, { name: '  The team ' });
    expect([made.status, made.body]).toEqual([201, { id: made.body.id, name: 'The team', role: 'owner' }]);
    const renamed = await world.call(person, 'PATCH', `${PATH}/${made.body.id}`, { name: 'Team' });
    expect([renamed.status, renamed.body.name]).toEqual([200, 'Team']);
    expect((await world.call(person, 'GET', PATH)).body).toEqual([{ id: made.body.id, name: 'Team', role: 'owner' }]);
    for (const name of ['', ' ', 'x'.repeat(101), 'a\nb', 7, null]) {
      expect((await world.call(person, 'POST', PATH, { name })).status).toBe(400);
    }
  });

  it('are limited in number, also when they are made at once', async () => {
    const person = await world.addPerson();
    const answers = await Promise.all(Array.from({ length: 6 }, () => world.call(person, 'POST', PATH, { name: 'n' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409]);
  });

  it('show their members to each other', async () => {
    const { owner, ada, stranger, call } = await team();
    const { status, body } = await call(ada, 'GET', '/members');
    expect(status).toBe(200);
    expect(body).toEqual([
      { user_id: owner.id, email: owner.email, display_name: '', role: 'owner', joined_at: expect.any(String) },
      { user_id: ada.id, email: ada.email, display_name: '', role: 'member', joined_at: expect.any(String) },
    ]);
    expect((await call(stranger, 'GET', '/members')).status).toBe(404);
  });

  it('let owners add, promote and remove, and tell nobody else more than they may know', async () => {
    const { owner, ada, stranger, call, roles } = await team();
    const added = await call(owner, 'POST', '/members', { email: stranger.email.toUpperCase() });
    expect([added.status, added.body]).toMatchObject([201, { user_id: stranger.id, role: 'member' }]);
    expect((await call(owner, 'POST', '/members', { email: stranger.email })).status).toBe(409);
    const unknown = await call(owner, 'POST', '/members', { email: 'nobody@example.com' });
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'no_such_user']);
    expect((await call(owner, 'PATCH', `/members/${ada.id}`, { role: 'owner' })).status).toBe(204);
    expect((await call(ada, 'DELETE', `/members/${stranger.id}`)).status).toBe(204);
    expect((await call(ada, 'DELETE', `/members/${stranger.id}`)).status).toBe(404);
    expect((await call(owner, 'PATCH', '/members/user_unknown', { role: 'member' })).status).toBe(404);
    expect(await roles()).toEqual({ [owner.id]: 'owner', [ada.id]: 'owner' });
  });

  it.each<[string, (ids: { owner: string; ada: string }) => [string, string, unknown]]>([
    ['rename', () => ['PATCH', '', { name: 'mine' }]],
    ['add a member', () => ['POST', '/members', { email: 'dev@localhost' }]],
    ['take the ownership', ({ ada }) => ['PATCH', `/members/${ada}`, { role: 'owner' }]],
    ['demote the owner', ({ owner }) => ['PATCH', `/members/${owner}`, { role: 'member' }]],
    ['remove the owner', ({ owner }) => ['DELETE', `/members/${owner}`, undefined]],
  ])('let no member and no stranger %s', async (_what, attempt) => {
    const { owner, ada, stranger, call, roles } = await team();
    const before = await roles();
    const [method, path, body] = attempt({ owner: owner.id, ada: ada.id });
    expect((await call(ada, method, path, body)).status).toBe(403);
    expect((await call(stranger, method, path, body)).status).toBe(404);
    expect((await call(undefined, method, path, body)).status).toBe(401);
    expect(await roles()).toEqual(before);
  });

  it('are not changed from another site', async () => {
    const { owner, ada, workspaceId, roles } = await team();
    const foreign = { cookie: owner.cookie, 'sec-fetch-site': 'cross-site' };
    const path = `${PATH}/${workspaceId}/members/${ada.id}`;
    expect((await world.send('DELETE', path, undefined, foreign)).status).toBe(403);
    expect((await world.send('PATCH', path, { role: 'owner' }, foreign)).status).toBe(403);
    expect(await roles()).toMatchObject({ [ada.id]: 'member' });
  });

  it('keep an owner, also when all of them leave at once', async () => {
    const { owner, ada, call, roles } = await team();
    const lone = await call(owner, 'DELETE', `/members/${owner.id}`);
    expect([lone.status, lone.body.error.code]).toEqual([409, 'last_owner']);
    expect((await call(owner, 'PATCH', `/members/${owner.id}`, { role: 'member' })).status).toBe(409);
    await call(owner, 'PATCH', `/members/${ada.id}`, { role: 'owner' });
    const leaving = await Promise.all([
      call(owner, 'DELETE', `/members/${owner.id}`),
      call(ada, 'PATCH', `/members/${ada.id}`, { role: 'member' }),
      call(owner, 'PATCH', `/members/${ada.id}`, { role: 'member' }),
      call(ada, 'DELETE', `/members/${owner.id}`),
    ]);
    expect(leaving.some(({ status }) => status === 204)).toBe(true);
    expect(Object.values(await roles()).filter((role) => role === 'owner')).toHaveLength(1);
  });

  it('have no more members than they may, also when these are added at once', async () => {
    const { owner, call, roles } = await team();
    const people = await Promise.all(Array.from({ length: 5 }, () => world.addPerson()));
    const answers = await Promise.all(people.map(({ email }) => call(owner, 'POST', '/members', { email })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
    expect(Object.keys(await roles())).toHaveLength(4);
  });
});

describe('leaving a workspace', () => {
  it('ends what machines hold there in the member’s name, for good, and nothing elsewhere', async () => {
    const { owner, ada, workspaceId, call } = await team();
    const elsewhere = (await world.call(ada, 'GET', PATH)).body.find(({ id }: { id: string }) => id !== workspaceId).id;
    const tokenIn = async (id: string): Promise<string> =>
      (await world.call(ada, 'POST', '/api/codex/tokens', { workspace_id: id, name: 'n' })).body.token;
    const [here, there] = [await tokenIn(workspaceId), await tokenIn(elsewhere)];
    const agent = await addAgent(world, { person: ada, workspaceId, lifetimeSeconds: 10_000 });
    const taskId = await agent.registeredTask();
    const verify = async (token: string) =>
      (await world.internal('/api/internal/codex/tokens/verify', { token })).status;
    const validate = async () => {
      const body = { scheme: 'agent_assertion', assertion: agent.assertion(taskId) };
      return (await world.internal('/internal/codex-auth/validate', body)).status;
    };
    expect([await verify(here), await verify(there), await validate()]).toEqual([200, 200, 200]);
    expect((await call(owner, 'DELETE', `/members/${ada.id}`)).status).toBe(204);
    expect([await verify(here), await verify(there), await validate()]).toEqual([401, 200, 401]);
    expect((await call(ada, 'GET', '/members')).status).toBe(404);
    await call(owner, 'POST', '/members', { email: ada.email });
    expect([await verify(here), await validate(), (await agent.register()).status]).toEqual([401, 401, 401]);
  });

  it('is written down, like everything else about a workspace', async () => {
    const { owner, ada, stranger, call } = await team();
    const { body: made } = await world.call(owner, 'POST', PATH, { name: 'n' });
    await call(owner, 'PATCH', '', { name: 'renamed' });
    await call(owner, 'POST', '/members', { email: stranger.email });
    await call(owner, 'PATCH', `/members/${stranger.id}`, { role: 'owner' });
    await call(ada, 'DELETE', `/members/${ada.id}`);
    const admin = await world.addPerson({ role: 'admin' });
    const trail = async (actor: Person) =>
      (await world.call(admin, 'GET', `/api/audit?subject_type=workspace&actor_user_id=${actor.id}`)).body.events;
    const ofOwner = await trail(owner);
    expect(ofOwner.map(({ action }: { action: string }) => action)).toEqual([
      ...['workspace.member_role_changed', 'workspace.member_added', 'workspace.renamed', 'workspace.created'],
    ]);
    expect(ofOwner[0].details).toEqual({ user_id: stranger.id, role: 'owner' });
    expect(ofOwner[3]).toMatchObject({ subject_id: made.id, ip: '127.0.0.1' });
    const left = { user_id: ada.id, remote_tokens: 0, agent_identities: 0, connectors: 0 };
    expect(await trail(ada)).toMatchObject([{ action: 'workspace.member_removed', details: left }]);
  });
});
