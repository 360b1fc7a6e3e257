import { useWorld } from '../../test/use-world.ts';

const PATH = '/internal/codex-auth/users/active';

describe('POST /internal/codex-auth/users/active', () => {
  const world = useWorld();
  const ask = (userIds: unknown) => world.internal(PATH, { user_ids: userIds });

  it('names those who exist and are not disabled, each once', async () => {
    const [one, other, disabled] = await Promise.all([world.addPerson(), world.addPerson(), world.addPerson()]);
    await world.disable(disabled);
    const answer = await ask([one.id, disabled.id, 'user_unknown', other.id, one.id]);
    expect(answer.status).toBe(200);
    expect(answer.body.active.sort()).toEqual([one.id, other.id].sort());
  });

  it('answers a thousand ids, and nobody for none', async () => {
    const person = await world.addPerson();
    const thousand = [person.id, ...Array.from({ length: 999 }, (_, index) => `${index}`.padStart(128, 'u'))];
    expect((await ask(thousand)).body).toEqual({ active: [person.id] });
    expect((await ask([])).body).toEqual({ active: [] });
  });

  it.each([
    ['more than a thousand', Array.from({ length: 1001 }, (_, index) => `u${index}`)],
    ['what is no id', ['a\0b']],
    ['what is no text', [7]],
    ['what is no list', 'user'],
    ['nothing', undefined],
  ])('answers 400 to %s', async (_what, userIds) => {
    const answer = await ask(userIds);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: 'invalid_request' });
  });

  it('is for callers with the internal secret alone', async () => {
    expect((await world.send('POST', PATH, { user_ids: [] })).status).toBe(401);
    expect((await world.internal(PATH, { user_ids: [] }, 'a wrong secret of some length')).status).toBe(401);
  });
});
