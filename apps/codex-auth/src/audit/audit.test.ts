import { useWorld } from '../../test/use-world.ts';

describe('GET /api/audit', () => {
  const world = useWorld({ CODEX_AUTH_BCRYPT_COST: '4' });
  const read = async (query: string) =>
    world.call(await world.addPerson({ role: 'admin' }), 'GET', `/api/audit?${query}`);

  it('tells who minted which token, from where, and never the token', async () => {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'owner' }]);
    const minted = await world.send(
      ...(['POST', '/api/codex/tokens', { workspace_id: workspaceId, name: 'n' }] as const),
      { cookie: person.cookie, 'x-request-id': 'request-7' },
    );
    const { status, body, text, headers } = await read(`subject_id=${minted.body.id}`);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body.next_cursor).toBeNull();
    expect(body.events).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        occurred_at: expect.stringMatching(/Z$/),
        action: 'remote_token.minted',
        actor_user_id: person.id,
        subject_type: 'remote_token',
        subject_id: minted.body.id,
        ip: '127.0.0.1',
        request_id: 'request-7',
        details: { workspace_id: workspaceId },
      },
    ]);
    expect(text).not.toContain(minted.body.token.slice(-43));
  });

  it('gives the whole trail page by page, newest first, each entry once, whatever is added meanwhile', async () => {
    const add = (subject: string) =>
      world.db.query(
        `insert into codex_auth.audit_events (action, subject_type, subject_id) values ('test.paged', 'test', $1)`,
        [subject],
      );
    for (let index = 0; index < 7; index += 1) await add(String(index));
    const seen: string[] = [];
    const sizes: number[] = [];
    let cursor = '';
    do {
      const { body } = await read(`action=test.paged&limit=3${cursor}`);
      sizes.push(body.events.length);
      seen.push(...body.events.map((event: { subject_id: string }) => event.subject_id));
      await add('later');
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
    } while (cursor);
    expect(seen).toEqual(['6', '5', '4', '3', '2', '1', '0']);
    expect(sizes).toEqual([3, 3, 1]);
  });

  it('has no page after one that is exactly full', async () => {
    await world.db.query(
      `insert into codex_auth.audit_events (action, subject_type, subject_id)
       select 'test.full', 'test', n::text from generate_series(1, 2) n`,
    );
    const { body } = await read('action=test.full&limit=2');
    expect(body.events).toHaveLength(2);
    expect(body.next_cursor).toBeNull();
  });

  it('is for administrators alone', async () => {
    const member = await world.addPerson();
    await world.addWorkspace([{ person: member, role: 'owner' }]);
    expect((await world.call(member, 'GET', '/api/audit')).status).toBe(403);
    expect((await world.call(undefined, 'GET', '/api/audit')).status).toBe(401);
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=ten',
    'limit=1&limit=2',
    'cursor=-1',
    'cursor=1e3',
    "cursor=1'--",
    'action=%00',
  ])('answers 400 to %s', async (query) => {
    expect((await read(query)).status).toBe(400);
  });
});
