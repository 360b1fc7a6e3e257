import { METADATA, mintInitialAccessToken, register } from '../../test/registration.ts';
import { type Person, useWorld } from '../../test/use-world.ts';

const PATH = '/api/admin/initial-access-tokens';

describe('client registration with initial access tokens (RFC 7591 §3)', () => {
  const world = useWorld({
    CODEX_AUTH_DYNAMIC_REGISTRATION: 'initial-access-token',
    CODEX_AUTH_REGISTRATIONS_PER_ADDRESS: '1000',
  });
  let admin: Person;
  beforeAll(async () => {
    admin = await world.addPerson({ role: 'admin' });
  });

  it('is for those who have one', async () => {
    const { token } = await mintInitialAccessToken(world, admin);
    expect(token).toMatch(/^iat_[\w-]{43}$/);
    expect((await register(world, METADATA, token)).status).toBe(201);
  });

  it('tells everybody else nothing, in the form of RFC 6750 §3', async () => {
    const spent = await mintInitialAccessToken(world, admin);
    await register(world, METADATA, spent.token);
    const revoked = await mintInitialAccessToken(world, admin);
    await world.call(admin, 'DELETE', `${PATH}/${revoked.id}`);
    const accessToken = await world.accessTokenOf(admin);
    for (const token of [undefined, 'x', 'iat_', spent.token, revoked.token, accessToken]) {
      // Metadata that is wrong as well: nobody may try out the policy.
      const { status, headers, body } = await register(world, {}, token);
      expect([status, body]).toEqual([
        401,
        { error: 'invalid_token', error_description: 'the access token is not valid' },
      ]);
      expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    }
    const basic = await world.send('POST', '/oauth/register', METADATA, { authorization: 'Basic eDp5' });
    expect(basic.status).toBe(401);
  });

  it('is possible as often as the token says, however many come at once', async () => {
    const { id, token } = await mintInitialAccessToken(world, admin, { max_uses: 3 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => register(world, METADATA, token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, ...Array(7).fill(401)]);
    const { body } = await world.call(admin, 'GET', PATH);
    expect(body.find((listed: { id: string }) => listed.id === id)).toMatchObject({ max_uses: 3, uses: 3 });
  });

  it('costs no use when it is refused for what the client says of itself', async () => {
    const { token } = await mintInitialAccessToken(world, admin);
    expect((await register(world, {}, token)).status).toBe(400);
    expect((await register(world, METADATA, token)).status).toBe(201);
  });

  it('ends with the token', async () => {
    const { token } = await mintInitialAccessToken(world, admin, { expires_in_seconds: 60 });
    world.auth.clock.advance(61);
    expect((await register(world, METADATA, token)).status).toBe(401);
  });

  it('has its tokens made, listed and revoked by administrators alone, and written down', async () => {
    const member = await world.addPerson();
    for (const person of [undefined, member]) {
      for (const method of ['GET', 'POST']) {
        const body = method === 'POST' ? { name: 'x' } : undefined;
        expect((await world.call(person, method, PATH, body)).status).toBe(person ? 403 : 401);
      }
    }
    const { id, token } = await mintInitialAccessToken(world, admin, { name: 'CI', max_uses: 2 });
    expect((await world.call(member, 'DELETE', `${PATH}/${id}`)).status).toBe(403);
    const list = await world.call(admin, 'GET', PATH);
    expect(list.body[0]).toMatchObject({
      id,
      name: 'CI',
      created_by: admin.id,
      max_uses: 2,
      uses: 0,
      revoked_at: null,
    });
    expect(list.text).not.toContain(token);
    for (const _time of [1, 2]) expect((await world.call(admin, 'DELETE', `${PATH}/${id}`)).status).toBe(204);
    const { rows } = await world.db.query(
      'select action, actor_user_id from codex_auth.audit_events where subject_id = $1 order by id',
      [id],
    );
    expect(rows).toEqual([
      { action: 'initial_access_token.minted', actor_user_id: admin.id },
      { action: 'initial_access_token.revoked', actor_user_id: admin.id },
    ]);
  });

  it.each<[string, unknown]>([
    ['no name', {}],
    ['a name of two lines', { name: 'a\nb' }],
    ['no use', { name: 'x', max_uses: 0 }],
    ['half a use', { name: 'x', max_uses: 1.5 }],
    ['too many uses', { name: 'x', max_uses: 10_001 }],
    ['an end in years', { name: 'x', expires_in_seconds: 365 * 86_400 + 1 }],
    ['no end', { name: 'x', expires_in_seconds: null }],
  ])('has no tokens with %s', async (_what, body) => {
    expect((await world.call(admin, 'POST', PATH, body)).status).toBe(400);
  });
});
