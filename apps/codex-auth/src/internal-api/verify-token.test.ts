import { waitFor } from '@codex-gateways/testing';
import { CountingBcrypt } from '../../test/counting-bcrypt.ts';
import { authEnvironment } from '../../test/use-auth-service.ts';
import { useWorld } from '../../test/use-world.ts';
import { readConfig } from '../config.ts';
import { createAuthService } from '../service.ts';

const COST = 5;
const DAY_SECONDS = 86_400;

describe('POST /api/internal/codex/tokens/verify', () => {
  const bcrypt = new CountingBcrypt();
  const world = useWorld({ CODEX_AUTH_BCRYPT_COST: String(COST) }, { bcrypt });

  const verify = (token: unknown) => world.internal('/api/internal/codex/tokens/verify', { token });
  async function mintedToken({ expiresInSeconds = DAY_SECONDS } = {}) {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'member' }]);
    const minted = await world.call(person, 'POST', '/api/codex/tokens', {
      ...{ workspace_id: workspaceId, name: 'n', expires_at: world.auth.clock.nowSeconds() + expiresInSeconds },
    });
    return { person, workspaceId, id: minted.body.id as string, token: minted.body.token as string };
  }
  afterEach(() => world.auth.clock.run());
  const withOtherSecret = (token: string) => token.slice(0, -43) + 'x'.repeat(43);

  it('says who a token speaks for and in which workspace, and nothing else', async () => {
    const { person, workspaceId, token } = await mintedToken();
    const answer = await verify(token);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ user_id: person.id, workspace_id: workspaceId });
  });

  it('answers one and the same 401 for every reason', async () => {
    const revoked = await mintedToken();
    await world.call(revoked.person, 'DELETE', `/api/codex/tokens/${revoked.id}`);
    const expired = await mintedToken({ expiresInSeconds: 60 });
    world.auth.clock.advance(61);
    const disabled = await mintedToken();
    await world.disable(disabled.person);
    const former = await mintedToken();
    await world.leave(former.workspaceId, former.person);
    const { token } = await mintedToken();
    const unknown = `ast_${'0'.repeat(24)}_${'a'.repeat(43)}`;
    const presented = [revoked, expired, disabled, former].map((each) => each.token);
    const texts = new Set<string>();
    for (const bad of [...presented, withOtherSecret(token), unknown, 'ast_', '', token.toUpperCase(), `${token} `]) {
      const answer = await verify(bad);
      expect([bad, answer.status]).toEqual([bad, 401]);
      texts.add(answer.text);
    }
    expect([...texts]).toEqual(['{"error":"invalid_token"}']);
  });

  it('does the same work for an unknown id as for a wrong secret and for a revoked token', async () => {
    const { person, id, token } = await mintedToken();
    const unknown = `ast_${'1'.repeat(24)}_${'a'.repeat(43)}`;
    expect(await bcrypt.during(() => verify(unknown))).toEqual([COST]);
    expect(await bcrypt.during(() => verify(unknown.replace('1', '2')))).toEqual([COST]);
    expect(await bcrypt.during(() => verify(withOtherSecret(token)))).toEqual([COST]);
    await world.call(person, 'DELETE', `/api/codex/tokens/${id}`);
    expect(await bcrypt.during(() => verify(token))).toEqual([COST]);
  });

  it('compares a token once in 30 seconds, right or wrong, alone or many at once', async () => {
    const { token } = await mintedToken();
    world.auth.clock.stop();
    for (const presented of [token, withOtherSecret(token), `ast_${'4'.repeat(24)}_${'b'.repeat(43)}`]) {
      const twenty = () => Promise.all(Array.from({ length: 20 }, () => verify(presented)));
      expect(await bcrypt.during(twenty)).toEqual([COST]);
      expect(await bcrypt.during(twenty)).toEqual([]);
    }
    world.auth.clock.advance(30);
    expect(await bcrypt.during(() => verify(token))).toEqual([COST]);
  });

  it('refuses a token at once that was used a moment ago and is now revoked, or its user disabled', async () => {
    const revoked = await mintedToken();
    expect((await verify(revoked.token)).status).toBe(200);
    await world.call(revoked.person, 'DELETE', `/api/codex/tokens/${revoked.id}`);
    expect((await verify(revoked.token)).status).toBe(401);
    const disabled = await mintedToken();
    expect((await verify(disabled.token)).status).toBe(200);
    await world.disable(disabled.person);
    expect((await verify(disabled.token)).status).toBe(401);
  });

  it('refuses it at once on another replica, too', async () => {
    const env = await authEnvironment(world.auth.databaseUrl);
    const replica = createAuthService(readConfig(env), { clock: world.auth.clock });
    await replica.start();
    try {
      const { person, id, token } = await mintedToken();
      const headers = { 'x-internal-secret': env.INTERNAL_API_SECRET ?? '', 'content-type': 'application/json' };
      const verifyThere = () =>
        fetch(`${replica.url}/api/internal/codex/tokens/verify`, {
          ...{ method: 'POST', headers, body: JSON.stringify({ token }) },
        });
      expect((await verifyThere()).status).toBe(200);
      await world.call(person, 'DELETE', `/api/codex/tokens/${id}`);
      expect((await verifyThere()).status).toBe(401);
    } finally {
      await replica.close();
    }
  });

  it('notes the use of a token, at most once a minute', async () => {
    const { id, token } = await mintedToken();
    const lastUsedAt = async () => {
      const { rows } = await world.db.query('select last_used_at from codex_auth.codex_remote_tokens where id = $1', [
        id,
      ]);
      return rows[0].last_used_at as Date | null;
    };
    expect(await lastUsedAt()).toBeNull();
    await verify(token);
    const first = await waitFor(lastUsedAt, { timeoutMs: 60_000, describe: 'the first use to be noted' });
    await verify(token);
    world.auth.clock.advance(61);
    await verify(token);
    const second = await waitFor(
      async () => {
        const noted = await lastUsedAt();
        return noted && noted > first ? noted : undefined;
      },
      { timeoutMs: 60_000, describe: 'the later use to be noted' },
    );
    expect(second.getTime() - first.getTime()).toBeGreaterThan(60_000);
  });

  it('does not note the use of a token that it refuses', async () => {
    const { person, id, token } = await mintedToken();
    await world.call(person, 'DELETE', `/api/codex/tokens/${id}`);
    await verify(token);
    await verify(withOtherSecret(token));
    const { rows } = await world.db.query('select last_used_at from codex_auth.codex_remote_tokens where id = $1', [
      id,
    ]);
    expect(rows).toEqual([{ last_used_at: null }]);
  });

  it('is for callers with the internal secret alone', async () => {
    const { token } = await mintedToken();
    const path = '/api/internal/codex/tokens/verify';
    for (const answer of [
      await world.send('POST', path, { token }),
      await world.internal(path, { token }, 'a wrong secret of some length'),
      await world.call(await world.addPerson({ role: 'admin' }), 'POST', path, { token }),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.body).toEqual({ error: 'unauthorized' });
    }
  });

  it.each([[undefined], [null], [7], [['ast_']], [{ toString: 'ast_' }], ['x'.repeat(20_000)]])(
    'answers 400 to a token that is no text of some length: %p',
    async (token) => {
      const answer = await verify(token);
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual({ error: 'invalid_request' });
    },
  );
});

describe('verifying under load', () => {
  const world = useWorld({
    CODEX_AUTH_BCRYPT_COST: '10',
    CODEX_AUTH_BCRYPT_CONCURRENCY: '1',
    CODEX_AUTH_BCRYPT_QUEUE: '1',
  });

  it('answers made-up tokens with 503 rather than queue them without end, and keeps the owners of real ones going', async () => {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'owner' }]);
    const minted = await world.call(person, 'POST', '/api/codex/tokens', { workspace_id: workspaceId, name: 'n' });
    const verify = (token: string) => world.internal('/api/internal/codex/tokens/verify', { token });
    const madeUp = Array.from({ length: 20 }, (_, index) =>
      verify(`ast_${'3'.repeat(24)}_${String(index).padEnd(43, 'y')}`),
    );
    const real = await verify(minted.body.token);
    const statuses = (await Promise.all(madeUp)).map(({ status }) => status);
    expect(real.status).toBe(200);
    expect(new Set(statuses)).toEqual(new Set([401, 503]));
    expect(await verify(minted.body.token)).toMatchObject({ status: 200 });
  });
});
