import { type Person, useWorld } from '../../test/use-world.ts';

const DAY_SECONDS = 86_400;

describe('remote tokens, minting', () => {
  const world = useWorld({ CODEX_AUTH_BCRYPT_COST: '4', CODEX_AUTH_REMOTE_TOKENS_PER_WORKSPACE: '3' });

  const mint = (person: Person | undefined, body: unknown) => world.call(person, 'POST', '/api/codex/tokens', body);
  const secondsAhead = (time: string) => (Date.parse(time) - world.auth.clock.now().getTime()) / 1000;
  async function memberOf() {
    const person = await world.addPerson();
    return { person, workspaceId: await world.addWorkspace([{ person, role: 'member' }]) };
  }

  it('gives a member a token that lives 90 days, and keeps of it a bcrypt hash alone', async () => {
    const { person, workspaceId } = await memberOf();
    const answer = await mint(person, { workspace_id: workspaceId, name: ' laptop ' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(answer.body).sort()).toEqual([
      'created_at',
      'expires_at',
      'id',
      'name',
      'token',
      'workspace_id',
    ]);
    expect(answer.body).toMatchObject({ name: 'laptop', workspace_id: workspaceId });
    expect(answer.body.token).toMatch(new RegExp(`^ast_${answer.body.id}_[A-Za-z0-9_-]{43}$`));
    expect(secondsAhead(answer.body.expires_at)).toBeCloseTo(90 * DAY_SECONDS, -2);

    const { rows } = await world.db.query('select * from codex_auth.codex_remote_tokens where id = $1', [
      answer.body.id,
    ]);
    const secret = answer.body.token.slice(-43);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(rows[0].secret_hash).toMatch(/^\$2b\$04\$/);
  });

  it('takes an expiry as RFC 3339 or as Unix seconds, up to 365 days ahead', async () => {
    const { person, workspaceId } = await memberOf();
    const nowSeconds = world.auth.clock.nowSeconds();
    const inHours = (hours: number) => new Date((nowSeconds + hours * 3600) * 1000).toISOString();
    for (const expires_at of [inHours(1), nowSeconds + 3600]) {
      const { status, body } = await mint(person, { workspace_id: workspaceId, name: 'n', expires_at });
      expect(status).toBe(201);
      expect(secondsAhead(body.expires_at)).toBeCloseTo(3600, -2);
    }
    expect((await mint(person, { workspace_id: workspaceId, name: 'n', expires_at: inHours(365 * 24) })).status).toBe(
      201,
    );
    for (const expires_at of [
      inHours(365 * 24 + 1),
      inHours(-1),
      nowSeconds,
      'tomorrow',
      '2027-02-30T00:00:00Z',
      {},
      -1,
      1e15,
    ]) {
      const answer = await mint(person, { workspace_id: workspaceId, name: 'n', expires_at });
      expect([expires_at, answer.status]).toEqual([expires_at, 400]);
      expect(answer.body.error.message).toMatch(/^expires_at: /);
    }
  });

  it.each([
    ['no body', undefined],
    ['an array', []],
    ['no name', { workspace_id: 'WS' }],
    ['an empty name', { workspace_id: 'WS', name: '  ' }],
    ['a name of two lines', { workspace_id: 'WS', name: 'a\nb' }],
    ['a NUL', { workspace_id: 'WS', name: 'a\0b' }],
    ['half a surrogate pair', '{"workspace_id":"WS","name":"\\ud800"}'],
    ['a long name', { workspace_id: 'WS', name: 'x'.repeat(101) }],
    ['a name that is no text', { workspace_id: 'WS', name: 7 }],
    ['a workspace that is no text', { workspace_id: ['WS'], name: 'n' }],
    ['broken JSON', '{"workspace_id":'],
  ])('answers 400 to %s', async (_what, body) => {
    const { person, workspaceId } = await memberOf();
    const answer = await mint(person, JSON.parse(JSON.stringify({ body }).replaceAll('WS', workspaceId)).body);
    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('invalid_request');
  });

  it('answers 413 to a body that is too large', async () => {
    const { person, workspaceId } = await memberOf();
    expect((await mint(person, { workspace_id: workspaceId, name: 'x'.repeat(100_000) })).status).toBe(413);
  });

  it('tells a stranger the same of a workspace of others as of one that does not exist', async () => {
    const { workspaceId } = await memberOf();
    const stranger = await world.addPerson();
    const answers = [];
    for (const id of [workspaceId, 'ws_none', "'; drop table codex_auth.users; --"]) {
      answers.push(await mint(stranger, { workspace_id: id.replaceAll(' ', '_'), name: 'n' }));
    }
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(404);
    expect((await mint(undefined, { workspace_id: workspaceId, name: 'n' })).status).toBe(401);
  });

  it('keeps the limit of a workspace when many mint at once, and counts live tokens alone', async () => {
    const { person, workspaceId } = await memberOf();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => mint(person, { workspace_id: workspaceId, name: 'n' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409, 409, 409]);
    const [first] = answers.filter(({ status }) => status === 201);
    await world.call(person, 'DELETE', `/api/codex/tokens/${first?.body.id}`);
    expect((await mint(person, { workspace_id: workspaceId, name: 'n' })).status).toBe(201);
    expect((await mint(person, { workspace_id: workspaceId, name: 'n' })).body.error.code).toBe('limit_reached');
  });
});

describe('remote tokens, listing and revoking', () => {
  const world = useWorld({ CODEX_AUTH_BCRYPT_COST: '4' });

  async function twoMembersAndAnOwner() {
    const [owner, ada, ben] = [await world.addPerson(), await world.addPerson(), await world.addPerson()];
    const workspaceId = await world.addWorkspace([
      { person: owner, role: 'owner' },
      { person: ada, role: 'member' },
      { person: ben, role: 'member' },
    ]);
    const mint = async (person: Person, name: string): Promise<string> =>
      (await world.call(person, 'POST', '/api/codex/tokens', { workspace_id: workspaceId, name })).body.id;
    return { owner, ada, ben, workspaceId, mint };
  }
  const list = (person: Person, query: string) => world.call(person, 'GET', `/api/codex/tokens?${query}`);
  const revoke = (person: Person, id: string) => world.call(person, 'DELETE', `/api/codex/tokens/${id}`);
  const namesOf = (answer: { body: { name: string }[] }) => answer.body.map(({ name }) => name).sort();

  it('shows a member their own tokens and an owner all of the workspace, never a secret', async () => {
    const { owner, ada, ben, workspaceId, mint } = await twoMembersAndAnOwner();
    await mint(ada, 'of ada');
    await mint(ben, 'of ben');
    expect(namesOf(await list(ada, `workspace_id=${workspaceId}`))).toEqual(['of ada']);
    const all = await list(owner, `workspace_id=${workspaceId}`);
    expect(namesOf(all)).toEqual(['of ada', 'of ben']);
    expect(all.text).not.toMatch(/"ast_|\$2b/);
    expect(all.body[0]).toMatchObject({ workspace_id: workspaceId, revoked_at: null, last_used_at: null });
    expect(namesOf(await list(ada, ''))).toEqual(['of ada']);
    expect((await list(await world.addPerson(), `workspace_id=${workspaceId}`)).status).toBe(404);
  });

  it('hides revoked tokens unless they are asked for', async () => {
    const { ada, workspaceId, mint } = await twoMembersAndAnOwner();
    const id = await mint(ada, 'gone');
    await mint(ada, 'live');
    await revoke(ada, id);
    expect(namesOf(await list(ada, `workspace_id=${workspaceId}`))).toEqual(['live']);
    const all = await list(ada, `workspace_id=${workspaceId}&include_revoked=true`);
    expect(namesOf(all)).toEqual(['gone', 'live']);
    expect(all.body.find((token: { id: string }) => token.id === id).revoked_at).toMatch(/Z$/);
  });

  it('revokes with 204 however often, and writes one entry of the audit trail', async () => {
    const { ada, mint } = await twoMembersAndAnOwner();
    const id = await mint(ada, 'mine');
    const answers = await Promise.all(Array.from({ length: 4 }, () => revoke(ada, id)));
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204]);
    const { rows } = await world.db.query(
      `select actor_user_id from codex_auth.audit_events where action = 'remote_token.revoked' and subject_id = $1`,
      [id],
    );
    expect(rows).toEqual([{ actor_user_id: ada.id }]);
  });

  it('lets an owner revoke a member’s token and tells another member that there is none', async () => {
    const { owner, ada, ben, mint } = await twoMembersAndAnOwner();
    const id = await mint(ada, 'of ada');
    const asBen = await revoke(ben, id);
    const ofNobody = await revoke(ben, '0'.repeat(24));
    expect(asBen.status).toBe(404);
    expect(asBen.text).toBe(ofNobody.text);
    expect((await list(ada, '')).body).toHaveLength(1);
    expect((await revoke(owner, id)).status).toBe(204);
    expect((await list(ada, '')).body).toHaveLength(0);
  });

  it.each(["x' or '1'='1", '%00', '%ff', '../connectors', 'x'.repeat(200)])('answers %j with 4xx', async (id) => {
    const { status } = await revoke(await world.addPerson(), id.startsWith('%') ? id : encodeURIComponent(id));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });

  it.each(['workspace_id=a&workspace_id=b', 'include_revoked=maybe', 'workspace_id=', 'workspace_id=%00'])(
    'answers 400 to the query %s',
    async (query) => {
      expect((await list(await world.addPerson(), query)).status).toBe(400);
    },
  );
});
