import type { RsaPublicJwk } from '@codex-gateways/crypto';
import { waitFor } from '@codex-gateways/testing';
import { parseJws } from '@codex-gateways/tokens';
import { addAgent, revokeAgent } from '../../test/agent.ts';
import { OAuthClient } from '../../test/oauth-client.ts';
import { useReplica } from '../../test/use-replica.ts';
import { type Person, useWorld } from '../../test/use-world.ts';

const KEYS = '/api/admin/signing-keys';
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

interface Key {
  readonly kid: string;
  readonly status: string;
  readonly published_until: string | null;
}

/** Two replicas, an administrator, and what each replica publishes and signs with. */
function useTwoReplicas(overrides: Record<string, string> = {}) {
  const settings = {
    ...{ CODEX_AUTH_KEY_CHECK_INTERVAL: '100ms', CODEX_AUTH_SESSION_IDLE_TTL: '365d' },
    CODEX_AUTH_LOGIN_ATTEMPTS_PER_ADDRESS: '100000', // who signs is asked by signing in, until it is the right key
    ...overrides,
  };
  const world = useWorld(settings);
  const other = useReplica(world.auth, settings);
  const urls = () => [world.auth.url, other.url];
  let admin: Person | undefined;
  const call = async (method: string, path = '', body?: unknown) => {
    admin ??= await world.addPerson({ role: 'admin' });
    return world.call(admin, method, KEYS + path, body);
  };
  const keys = async (): Promise<Key[]> => (await call('GET')).body.keys;
  const kidOf = async (status: string) => (await keys()).find((key) => key.status === status)?.kid;
  const published = (url: string) => fetch(`${url}/.well-known/jwks.json`).then((answer) => answer.json());
  const kidsAt = async (url: string) => ((await published(url)) as { keys: RsaPublicJwk[] }).keys.map(({ kid }) => kid);
  const untilEverywhere = (describe: string, holds: (kids: string[]) => boolean) =>
    waitFor(async () => (await Promise.all(urls().map(kidsAt))).every(holds), {
      timeoutMs: 60_000,
      intervalMs: 50,
      describe,
    });
  const tokensFrom = (url: string) => new OAuthClient(() => url).tokens();
  const signerAt = async (url: string) => parseJws((await tokensFrom(url)).access_token)?.header.kid;
  const untilSigner = (kid: string | undefined) =>
    waitFor(async () => (await Promise.all(urls().map(signerAt))).every((signer) => signer === kid), {
      timeoutMs: 60_000,
      intervalMs: 100,
      describe: `${kid} to sign everywhere`,
    });
  return { world, other, urls, call, keys, kidOf, kidsAt, untilEverywhere, tokensFrom, signerAt, untilSigner };
}

function meAt(url: string, token: string): Promise<number> {
  return new OAuthClient(() => url).me(token);
}

describe('rotation of the signing key, on two replicas', () => {
  const { world, other, call, keys, kidOf, kidsAt, untilEverywhere, tokensFrom, signerAt, untilSigner } =
    useTwoReplicas();

  it('publishes a new key everywhere before it signs, and the old one until everything it signed has expired', async () => {
    const oldKid = await kidOf('active');
    const early = await tokensFrom(other.url);
    const answer = await call('POST', '/rotate');
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ status: 'pending', activated_at: null });
    const newKid: string = answer.body.kid;
    await untilEverywhere('both are published', (kids) => kids.includes(newKid) && kids.includes(oldKid ?? ''));
    world.auth.clock.advance(599 - 60);
    expect(await signerAt(world.auth.url)).toBe(oldKid);
    world.auth.clock.advance(61);
    await untilSigner(newKid);
    expect((await keys()).map(({ kid, status }) => ({ kid, status }))).toEqual([
      { kid: newKid, status: 'active' },
      { kid: oldKid, status: 'retired' },
    ]);
    expect(await meAt(world.auth.url, early.access_token)).toBe(200);
    world.auth.clock.advance(HOUR_SECONDS - 60);
    expect(await kidsAt(other.url)).toContain(oldKid);
    world.auth.clock.advance(DAY_SECONDS);
    await untilEverywhere('the old one is gone', (kids) => kids.length === 1 && kids[0] === newKid);
  });

  it('keeps a retired key for the Agent Identity JWTs under it, which the CLI checks at each start', async () => {
    const person = await world.addPerson();
    const workspaceId = await world.addWorkspace([{ person, role: 'owner' }]);
    const agent = await addAgent(world, { person, workspaceId, lifetimeSeconds: 300 * DAY_SECONDS });
    const revoked = await addAgent(world, { person, workspaceId, lifetimeSeconds: 365 * DAY_SECONDS });
    await revokeAgent(world, revoked);
    const oldKid = String(parseJws(agent.jwt)?.header.kid);
    await call('POST', '/rotate', { immediate: true });
    const listed = (await keys()).find(({ kid }) => kid === oldKid);
    const days = (Date.parse(listed?.published_until ?? '') - world.auth.clock.now().getTime()) / 1000 / DAY_SECONDS;
    expect(Math.round(days)).toBe(300);
    world.auth.clock.advance(299 * DAY_SECONDS);
    await call('POST', '/rotate', { immediate: true });
    await untilEverywhere('three are published', (kids) => kids.length === 3);
    world.auth.clock.advance(2 * DAY_SECONDS);
    await untilEverywhere('only the last is left', (kids) => kids.length === 1 && kids[0] !== oldKid);
  });

  it('lets no number of concurrent commands make two keys pending, or two active', async () => {
    const before = await kidOf('active');
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', '/rotate', {})));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(7).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => body.kid)).size).toBe(1);
    await Promise.all(Array.from({ length: 4 }, () => call('POST', '/rotate', { immediate: true })));
    const statuses = (await keys()).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'active')).toHaveLength(1);
    expect(statuses).not.toContain('pending');
    expect(await kidOf('active')).not.toBe(before);
    const second = `insert into codex_auth.codex_jwks_keys
                           (kid, public_n, public_e, private_pkcs8_sealed, status, activated_at)
                    select 'x', public_n, public_e, private_pkcs8_sealed, status, activated_at
                      from codex_auth.codex_jwks_keys where status = 'active'`;
    await expect(world.db.query(second)).rejects.toThrow('codex_jwks_keys_one_active_uq');
  });
});

describe('withdrawal of a compromised signing key', () => {
  const { world, other, call, keys, kidOf, untilEverywhere, tokensFrom, untilSigner } = useTwoReplicas();

  it('ends at once, on every replica, what the key has signed; refresh tokens go on', async () => {
    const kid = await kidOf('active');
    const tokens = await tokensFrom(other.url);
    const answer = await call('DELETE', `/${kid}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      withdrawn: kid,
      status: 'active',
      active: await kidOf('active'),
      agent_identities: 0,
    });
    await untilEverywhere('the key is gone', (kids) => kids.length === 1 && kids[0] === answer.body.active);
    expect(await meAt(world.auth.url, tokens.access_token)).toBe(401);
    expect(await meAt(other.url, tokens.access_token)).toBe(401);
    const client = new OAuthClient(() => other.url);
    const refreshed = await client.refresh(tokens.refresh_token);
    expect(refreshed.status).toBe(200);
    expect(await meAt(world.auth.url, refreshed.body.access_token)).toBe(200);
    await untilSigner(answer.body.active);
  });

  it('lets a pending key step in, and ends a pending key too', async () => {
    const first = (await call('POST', '/rotate')).body.kid;
    expect((await call('DELETE', `/${await kidOf('active')}`)).body.active).toBe(first);
    const second = (await call('POST', '/rotate')).body.kid;
    expect((await call('DELETE', `/${second}`)).body).toMatchObject({ status: 'pending', active: null });
    expect((await keys()).map(({ kid }) => kid)).toEqual([first]);
    expect((await call('DELETE', `/${second}`)).status).toBe(404);
  });

  it('leaves one active key when everybody withdraws and rotates at once', async () => {
    const kid = await kidOf('active');
    await Promise.all([
      ...Array.from({ length: 4 }, () => call('DELETE', `/${kid}`)),
      ...Array.from({ length: 2 }, () => call('POST', '/rotate', { immediate: true })),
      call('POST', '/rotate'),
    ]);
    const left = await keys();
    expect(left.filter(({ status }) => status === 'active')).toHaveLength(1);
    expect(left.map((key) => key.kid)).not.toContain(kid);
  });

  it('knows a token of another replica’s new key before the news of it has come', async () => {
    await call('POST', '/rotate', { immediate: true });
    const { access_token } = await tokensFrom(world.auth.url);
    expect(await meAt(other.url, access_token)).toBe(200);
  });
});

describe('rotation by schedule', () => {
  const { world, kidOf, untilEverywhere, untilSigner } = useTwoReplicas({
    CODEX_AUTH_KEY_ROTATION_INTERVAL: '90d',
    CODEX_AUTH_KEY_ACTIVATION_DELAY: '1d',
  });

  it('is done by one of the replicas, when the key is as old as the interval says', async () => {
    const first = await kidOf('active');
    world.auth.clock.advance(89 * DAY_SECONDS - 60);
    await untilEverywhere('one is published', (kids) => kids.length === 1);
    world.auth.clock.advance(120);
    await untilEverywhere('two are published', (kids) => kids.length === 2);
    const second = await kidOf('pending');
    world.auth.clock.advance(DAY_SECONDS);
    await untilSigner(second);
    expect(await kidOf('active')).not.toBe(first);
    const { rows } = await world.db.query(
      `select action, count(*)::int as times, count(actor_user_id)::int as actors
         from codex_auth.audit_events
        where action like 'signing_key.%'
        group by action
        order by action`,
    );
    expect(rows).toEqual([
      { action: 'signing_key.activated', times: 1, actors: 0 },
      { action: 'signing_key.published', times: 1, actors: 0 },
      { action: 'signing_key.retired', times: 1, actors: 0 },
    ]);
  });
});

describe('caching of the published keys', () => {
  const { urls } = useTwoReplicas({ CODEX_AUTH_KEY_ACTIVATION_DELAY: '1m' });

  it('ends well before a new key signs', async () => {
    const answer = await fetch(`${urls()[0]}/.well-known/jwks.json`);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=30');
  });
});

describe('who may change the signing keys', () => {
  const { world } = useTwoReplicas();

  it('is an administrator, from a page of ours or a program, and everything is audited', async () => {
    const member = await world.addPerson();
    await world.addWorkspace([{ person: member, role: 'owner' }]);
    const admin = await world.addPerson({ role: 'admin' });
    const kid = (await world.call(admin, 'GET', KEYS)).body.keys[0].kid;
    const calls: [string, string][] = [
      ['GET', KEYS],
      ['POST', `${KEYS}/rotate`],
      ['DELETE', `${KEYS}/${kid}`],
    ];
    for (const [method, path] of calls) {
      expect((await world.call(member, method, path)).status).toBe(403);
      expect((await world.call(undefined, method, path)).status).toBe(401);
    }
    const cookie = { cookie: admin.cookie };
    const foreign = { ...cookie, 'sec-fetch-site': 'cross-site' };
    expect((await world.send('POST', `${KEYS}/rotate`, {}, foreign)).status).toBe(403);
    expect((await world.send('DELETE', `${KEYS}/${kid}`, undefined, foreign)).status).toBe(403);
    expect((await world.send('POST', `${KEYS}/rotate`, '{"immediate":1}', cookie)).status).toBe(400);
    await world.call(admin, 'POST', `${KEYS}/rotate`);
    const { body } = await world.call(admin, 'GET', '/api/audit?action=signing_key.published');
    expect(body.events).toMatchObject([{ actor_user_id: admin.id, subject_type: 'signing_key', ip: '127.0.0.1' }]);
    const listed = await world.call(admin, 'GET', KEYS);
    expect(listed.text).not.toMatch(/sealed|private/);
  });
});
