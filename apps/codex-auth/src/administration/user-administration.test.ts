import { waitFor } from '@codex-gateways/testing';
import { addAgent } from '../../test/agent.ts';
import { ExecGatewayDouble } from '../../test/exec-gateway-double.ts';
import { OAuthClient } from '../../test/oauth-client.ts';
import { AdminBrowser, apiCall, CHOSEN_PASSWORD, signInFirst } from '../../test/people.ts';
import { INTERNAL_SECRET } from '../../test/use-auth-service.ts';
import { useReplica } from '../../test/use-replica.ts';
import { type Person, useWorld } from '../../test/use-world.ts';
import { WebSession } from '../../test/web-session.ts';

const USERS = '/api/admin/users';
let gateway: ExecGatewayDouble;
afterAll(() => gateway.close());
const settings = { CODEX_AUTH_BCRYPT_COST: '4', CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '10000' };
const world = useWorld(async () => {
  gateway = await ExecGatewayDouble.start();
  return { ...settings, CXG_EXEC_GATEWAY_INTERNAL_URL: `http://127.0.0.1:${gateway.port}` };
});
const { auth } = world;
const other = useReplica(auth, settings);
const client = new OAuthClient(() => auth.url);
const admin = new AdminBrowser(() => auth.url);
const change = (id: string, body: unknown) => admin.call('PATCH', `${USERS}/${id}`, body);

async function internal(url: string, path: string, body: unknown): Promise<number> {
  const headers = { 'content-type': 'application/json', 'x-internal-secret': INTERNAL_SECRET };
  return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).status;
}

/** A person with one of everything that lets somebody in, and how each of these doors answers at a replica. */
async function personWithEverything(email: string) {
  const made = await admin.makePerson(email);
  const web = await signInFirst(auth.url, made);
  const api = (method: string, path: string, body?: unknown) => apiCall(web, { url: auth.url, method, path, body });
  const { body: tokens } = await client.redeem(await client.authorizationCode({}, web));
  const workspaceId: string = (await api('GET', '/api/workspaces')).body[0].id;
  const remoteToken: string = (await api('POST', '/api/codex/tokens', { workspace_id: workspaceId, name: 'n' })).body
    .token;
  const connector = (await api('POST', '/api/codex/connectors', { workspace_id: workspaceId, name: 'laptop' })).body;
  const person: Person = { id: made.id, email, cookie: '' };
  const agent = await addAgent(world, { person, workspaceId, lifetimeSeconds: 100_000 });
  const taskId = await agent.registeredTask();
  const accessToken = String(tokens.access_token);
  const cookie = `codex_session=${web.cookies.get('codex_session')}`;
  const doorsAt = async (url: string) => {
    const at = new OAuthClient(() => url);
    const validate = '/internal/codex-auth/validate';
    const assertion = agent.assertion(taskId);
    return {
      session: (await fetch(`${url}/api/me`, { headers: { cookie } })).status,
      bearer: await at.me(accessToken),
      userinfo: (await fetch(`${url}/oauth/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })).status,
      executor: await internal(url, validate, { scheme: 'bearer', token: accessToken }),
      assertion: await internal(url, validate, { scheme: 'agent_assertion', assertion }),
      task: (await at.postJson(`/v1/agent/${agent.id}/task/register`, agent.registration())).status,
      remoteToken: await internal(url, '/api/internal/codex/tokens/verify', { token: remoteToken }),
      refresh: (await at.refresh(String(tokens.refresh_token))).status,
    };
  };
  return { made, web, doorsAt, exeId: String(connector.exe_id), tokens, accessToken };
}

const openDoors = {
  ...{ session: 200, bearer: 200, userinfo: 200, executor: 200 },
  ...{ assertion: 200, task: 200, remoteToken: 200, refresh: 200 },
};
const closedDoors = Object.fromEntries(Object.keys(openDoors).map((door) => [door, 401]));

describe('disabling a user', () => {
  it('closes every door at once, on every replica, and enabling opens none of them again', async () => {
    const { made, web, doorsAt, exeId } = await personWithEverything('leaves@localhost');
    const code = await client.authorizationCode({}, web);
    for (const url of [auth.url, other.url]) expect(await doorsAt(url)).toEqual(openDoors);
    expect(gateway.executors.has(exeId)).toBe(true);
    const { status, body } = await change(made.id, { disabled: true });
    expect([status, body.disabled_at]).toEqual([200, expect.stringMatching(/Z$/)]);
    await waitFor(() => gateway.disconnectedUsers.includes(made.id), {
      timeoutMs: 60_000,
      describe: 'exec-gateway to cut the executors off',
    });
    for (const url of [auth.url, other.url]) expect(await doorsAt(url)).toEqual(closedDoors);
    expect((await client.redeem(code)).body).toMatchObject({ error: 'invalid_grant' });
    await expect(new WebSession(auth.url).signIn({ email: made.email, password: CHOSEN_PASSWORD })).rejects.toThrow(
      '401',
    );
    await waitFor(() => !gateway.executors.has(exeId), { timeoutMs: 60_000, describe: 'the executor is forgotten' });
    expect((await change(made.id, { disabled: false })).body.disabled_at).toBeNull();
    for (const url of [auth.url, other.url]) expect(await doorsAt(url)).toEqual(closedDoors);
    await new WebSession(auth.url).signIn({ email: made.email, password: CHOSEN_PASSWORD });
  });

  it('is written down with what it ended', async () => {
    const { made } = await personWithEverything('audited@localhost');
    await change(made.id, { disabled: true });
    await change(made.id, { disabled: true });
    await change(made.id, { disabled: false, role: 'admin' });
    await change(made.id, { role: 'member', reset_password: true });
    const { body } = await admin.call('GET', `/api/audit?subject_id=${made.id}&limit=200`);
    const actions = body.events.map(({ action }: { action: string }) => action);
    expect(actions.filter((action: string) => action.startsWith('user.'))).toEqual([
      ...['user.password_reset', 'user.role_changed', 'user.enabled', 'user.role_changed'],
      ...['user.disabled', 'user.password_changed', 'user.created'],
    ]);
    const disabled = body.events.find(({ action }: { action: string }) => action === 'user.disabled');
    expect(disabled).toMatchObject({ ip: '127.0.0.1', subject_type: 'user' });
    expect(disabled.details).toEqual({ sessions: 1, grants: 1, remote_tokens: 1, agent_identities: 2, connectors: 1 });
    for (const action of ['remote_token.revoked', 'agent_identity.revoked', 'connector.removed']) {
      const found = await admin.call('GET', `/api/audit?action=${action}&actor_user_id=${disabled.actor_user_id}`);
      expect(found.body.events.length).toBeGreaterThan(0);
    }
  });

  it('leaves no session behind of a sign-in at the same moment', async () => {
    const made = await admin.makePerson('at-the-same-moment@localhost');
    await signInFirst(auth.url, made);
    const user = { email: made.email, password: CHOSEN_PASSWORD };
    for (let round = 0; round < 5; round += 1) {
      const webs = Array.from({ length: 3 }, () => new WebSession(other.url));
      await Promise.all([
        ...webs.map((web) => web.signIn(user).catch(() => undefined)),
        change(made.id, { disabled: true }),
      ]);
      await change(made.id, { disabled: false });
      for (const web of webs) {
        const wasBefore = (await web.get('/api/me')).status === 200;
        expect(wasBefore).toBe(false);
      }
    }
  });
});

describe('administrators', () => {
  it('make users with a generated password, list them page by page, and take an address once', async () => {
    const made = await admin.call('POST', USERS, { email: 'Listed@localhost', display_name: 'Listed', role: 'member' });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const taken = await admin.call('POST', USERS, { email: 'listed@LOCALHOST' });
    expect([taken.status, taken.body.error.code]).toEqual([409, 'email_taken']);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await admin.call('GET', `${USERS}?limit=2${cursor}`);
      seen.push(...body.users.map(({ email }: { email: string }) => email));
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor);
    expect(seen.filter((email) => email === 'Listed@localhost')).toHaveLength(1);
    expect(new Set(seen).size).toBe(seen.length);
    const { body, text } = await admin.call('GET', `${USERS}?limit=200`);
    expect(body.users.map(({ email }: { email: string }) => email)).toEqual(seen);
    expect(body.users.find(({ id }: { id: string }) => id === made.body.id)).toEqual({
      ...{ id: made.body.id, email: 'Listed@localhost', display_name: 'Listed', role: 'member' },
      ...{ created_at: expect.any(String), disabled_at: null, last_seen_at: null, must_change_password: true },
    });
    expect(text).not.toMatch(/argon2|one_time_password/);
  });

  it('are never members: none of their routes answers one, or a stranger, or another site', async () => {
    const member = await world.addPerson();
    await world.addWorkspace([{ person: member, role: 'owner' }]);
    const boss = await world.addPerson({ role: 'admin' });
    const calls: [string, string, unknown][] = [
      ['GET', USERS, undefined],
      ['POST', USERS, { email: 'mine@localhost', role: 'admin' }],
      ['PATCH', `${USERS}/${member.id}`, { role: 'admin' }],
      ['PATCH', `${USERS}/${boss.id}`, { disabled: true }],
    ];
    for (const [method, path, body] of calls) {
      expect((await world.call(member, method, path, body)).status).toBe(403);
      expect((await world.call(undefined, method, path, body)).status).toBe(401);
      const token = await world.accessTokenOf(member);
      expect((await world.send(method, path, body, { authorization: `Bearer ${token}` })).status).toBe(403);
      if (method === 'GET') continue;
      const foreign = { cookie: boss.cookie, origin: 'https://evil.example' };
      expect((await world.send(method, path, body, foreign)).status).toBe(403);
    }
    const { rows } = await world.db.query("select 1 from codex_auth.users where email = 'mine@localhost'");
    expect(rows).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['an unknown member', { is_admin: true }],
    ['an unknown role', { role: 'root' }],
    ['a text for a truth', { disabled: 'yes' }],
    ['no object', []],
  ])('are told that they changed %s with 400', async (_what, body) => {
    expect((await change('user_x', body)).status).toBe(400);
  });

  it('are told of an unknown user with 404, and of bad input with 400', async () => {
    expect((await change('user_unknown', { role: 'admin' })).status).toBe(404);
    for (const email of ['nobody', 'a b@c', '@', `${'x'.repeat(65)}@localhost`, 'a\u0000@b']) {
      expect((await admin.call('POST', USERS, { email })).status).toBe(400);
    }
    for (const query of ['limit=0', 'limit=x', 'cursor=%00']) {
      expect((await admin.call('GET', `${USERS}?${query}`)).status).toBe(400);
    }
  });
});

describe('the last administrator', () => {
  async function onlyAdministrators(count: number): Promise<Person[]> {
    const people = await Promise.all(Array.from({ length: count }, () => world.addPerson({ role: 'admin' })));
    for (const person of people) await world.addWorkspace([{ person, role: 'owner' }]);
    const ids = people.map(({ id }) => id);
    await world.db.query("update codex_auth.users set role = 'member' where not (id = any($1))", [ids]);
    return people;
  }
  const administrators = async () => {
    const { rows } = await world.db.query(
      "select count(*)::int as count from codex_auth.users where role = 'admin' and disabled_at is null",
    );
    return rows[0]?.count;
  };

  it('can be neither demoted nor disabled, also not by themselves', async () => {
    const [boss] = await onlyAdministrators(1);
    for (const body of [{ role: 'member' }, { disabled: true }, { disabled: true, role: 'admin' }]) {
      const answer = await world.call(boss, 'PATCH', `${USERS}/${boss?.id}`, body);
      expect([answer.status, answer.body.error.code]).toEqual([409, 'last_admin']);
    }
    const disabled = await world.addPerson({ role: 'admin' });
    await world.disable(disabled);
    expect((await world.call(boss, 'PATCH', `${USERS}/${boss?.id}`, { role: 'member' })).status).toBe(409);
    expect(await administrators()).toBe(1);
  });

  it('is left when two demote each other at once, through two replicas', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [ann, ben] = await onlyAdministrators(2);
      const demote = (by: Person | undefined, whom: Person | undefined, url: string) =>
        fetch(`${url}${USERS}/${whom?.id}`, {
          method: 'PATCH',
          headers: { cookie: by?.cookie ?? '', 'content-type': 'application/json' },
          body: JSON.stringify(round % 2 === 0 ? { role: 'member' } : { disabled: true }),
        });
      const answers = await Promise.all([demote(ann, ben, auth.url), demote(ben, ann, other.url)]);
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses[0]).toBe(200);
      expect([401, 403]).toContain(statuses[1]);
      expect(await administrators()).toBe(1);
    }
  });

  it('is left when all of five leave at once', async () => {
    const people = await onlyAdministrators(5);
    const answers = await Promise.all(
      people.map((person) => world.call(person, 'PATCH', `${USERS}/${person.id}`, { role: 'member' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 409]);
    expect(await administrators()).toBe(1);
  });
});
