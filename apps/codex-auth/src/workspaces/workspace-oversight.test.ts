import { type Person, useWorld } from '../../test/use-world.ts';

const world = useWorld({ CODEX_AUTH_MEMBERS_PER_WORKSPACE: '2', CODEX_AUTH_BCRYPT_COST: '4' });
const PATH = '/api/admin/workspaces';

interface Listed {
  readonly id: string;
  readonly members: number;
  readonly owners: readonly string[];
}

/** Every workspace on pages of two. */
async function listed(admin: Person, query = ''): Promise<Listed[]> {
  const all: Listed[] = [];
  for (let cursor = ''; ; ) {
    const { status, body } = await world.call(admin, 'GET', `${PATH}?limit=2${query}${cursor}`);
    expect(status).toBe(200);
    expect(body.workspaces.length).toBeLessThanOrEqual(2);
    all.push(...body.workspaces);
    if (body.next_cursor === null) return all;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
}

async function abandoned() {
  const admin = await world.addPerson({ role: 'admin' });
  const [owner, member] = [await world.addPerson(), await world.addPerson()];
  const workspaceId = await world.addWorkspace([
    { person: owner, role: 'owner' },
    { person: member, role: 'member' },
  ]);
  await world.disable(owner);
  const nameOwner = (by: Person | undefined, userId: string, id = workspaceId) =>
    world.call(by, 'PUT', `${PATH}/${id}/owners/${userId}`);
  return { admin, owner, member, workspaceId, nameOwner };
}

describe('a workspace whose owners are all disabled', () => {
  it('is found by an administrator among the others, who names an owner for it', async () => {
    const { admin, member, workspaceId, nameOwner } = await abandoned();
    const kept = await world.addWorkspace([{ person: member, role: 'owner' }]);
    const withoutOwner = await listed(admin, '&without_owner=true');
    expect(withoutOwner).toContainEqual(expect.objectContaining({ id: workspaceId, members: 1, owners: [] }));
    expect(withoutOwner.map(({ id }) => id)).not.toContain(kept);
    expect((await nameOwner(admin, member.id)).status).toBe(204);
    const all = await listed(admin);
    const ids = all.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of [workspaceId, kept]) {
      expect(all).toContainEqual(expect.objectContaining({ id, owners: [member.email] }));
    }
    const renamed = await world.call(member, 'PATCH', `/api/workspaces/${workspaceId}`, { name: 'ours now' });
    expect([renamed.status, renamed.body.role]).toEqual([200, 'owner']);
  });

  it('may get somebody who was no member, also when it is full, and that is written down once', async () => {
    const { admin, workspaceId, nameOwner } = await abandoned();
    const newcomer = await world.addPerson();
    for (let time = 0; time < 2; time += 1) expect((await nameOwner(admin, newcomer.id)).status).toBe(204);
    const { body } = await world.call(newcomer, 'GET', '/api/workspaces');
    expect(body).toMatchObject([{ id: workspaceId, role: 'owner' }]);
    const trail = await world.call(admin, 'GET', `/api/audit?subject_id=${workspaceId}`);
    expect(trail.body.events).toMatchObject([
      { action: 'workspace.owner_named', actor_user_id: admin.id, ip: '127.0.0.1', details: { user_id: newcomer.id } },
    ]);
  });

  it('does not count them when its last owner wants to leave', async () => {
    const { admin, owner, member, workspaceId, nameOwner } = await abandoned();
    await nameOwner(admin, member.id);
    const leave = (id: string) => world.call(member, 'DELETE', `/api/workspaces/${workspaceId}/members/${id}`);
    const refused = await leave(member.id);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'last_owner']);
    expect((await leave(owner.id)).status).toBe(204);
  });

  it('gets no owner from others, none who is unknown or disabled, and none when it does not exist', async () => {
    const { admin, owner, member, workspaceId, nameOwner } = await abandoned();
    for (const [by, status] of [
      [member, 403],
      [undefined, 401],
    ] as const) {
      expect((await nameOwner(by, member.id)).status).toBe(status);
      expect((await world.call(by, 'GET', PATH)).status).toBe(status);
    }
    for (const userId of [owner.id, 'user_unknown']) {
      const refused = await nameOwner(admin, userId);
      expect([refused.status, refused.body.error.code]).toEqual([404, 'no_such_user']);
    }
    expect((await nameOwner(admin, member.id, 'ws_unknown')).status).toBe(404);
    expect((await world.call(admin, 'GET', `${PATH}?limit=0`)).status).toBe(400);
    expect((await listed(admin, '&without_owner=true')).map(({ id }) => id)).toContain(workspaceId);
  });
});
