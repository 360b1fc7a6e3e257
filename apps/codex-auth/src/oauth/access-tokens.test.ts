import type { Queryable } from '@codex-gateways/database';
import { type Person, useWorld } from '../../test/use-world.ts';
import { AccessTokens } from './access-tokens.ts';

const world = useWorld();

/** Access tokens as the service checks them, and how many statements that takes. */
async function counted() {
  let statements = 0;
  const db = new Proxy<Queryable>(world.db, {
    get(pool, name) {
      if (name === 'query') statements += 1;
      const value: unknown = Reflect.get(pool, name);
      return typeof value === 'function' ? value.bind(pool) : value;
    },
  });
  const tokens = new AccessTokens({ db, keys: await world.signingKeys(), clock: world.auth.clock });
  return { tokens, statements: () => statements };
}

async function personWithToken(): Promise<{ person: Person; token: string }> {
  const person = await world.addPerson();
  return { person, token: await world.accessTokenOf(person) };
}

describe('the holder of an access token', () => {
  it('is found with the membership of a workspace in one round trip', async () => {
    const { person, token } = await personWithToken();
    const mine = await world.addWorkspace([{ person, role: 'member' }]);
    const foreign = await world.addWorkspace([]);
    const { tokens, statements } = await counted();
    expect(await tokens.authenticate(token, { accountId: mine })).toMatchObject({ isMemberOfAccount: true });
    expect(await tokens.authenticate(token, { accountId: foreign })).toMatchObject({ isMemberOfAccount: false });
    expect(await tokens.authenticate(token)).toMatchObject({ userId: person.id, isMemberOfAccount: true });
    expect(statements()).toBe(3);
  });

  it('is found together with others who ask at the same time, each their own', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, personWithToken));
    const { tokens, statements } = await counted();
    const asked = [...people, ...people].map(({ token }) => tokens.authenticate(token));
    const holders = await Promise.all([...asked, tokens.authenticate('a.b.c')]);
    expect(holders.map((holder) => holder?.userId)).toEqual([
      ...[...people, ...people].map(({ person }) => person.id),
      undefined,
    ]);
    expect(statements()).toBe(1);
  });

  it('is asked of the database each time, although the signature was verified before', async () => {
    const { person, token } = await personWithToken();
    const { tokens } = await counted();
    expect(await tokens.authenticate(token)).toBeDefined();
    await world.disable(person);
    expect(await tokens.authenticate(token)).toBeUndefined();
  });

  it('is nobody once the token has expired', async () => {
    world.auth.clock.stop();
    const person = await world.addPerson();
    const token = await world.accessTokenOf(person, { lifetimeSeconds: 5 });
    const { tokens, statements } = await counted();
    expect(await tokens.authenticate(token)).toBeDefined();
    world.auth.clock.advance(5);
    expect(await tokens.authenticate(token)).toBeUndefined();
    expect(statements()).toBe(1);
  });
});
