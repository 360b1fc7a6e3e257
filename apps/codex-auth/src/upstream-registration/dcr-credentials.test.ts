import { createSealer, UnsealError } from '@codex-gateways/crypto';
import { createPool, type Pool, runMigrations } from '@codex-gateways/database';
import { createLogger } from '@codex-gateways/service';
import { describeWith, useCleanup, useTestDatabase } from '@codex-gateways/testing';
import { hashesIn, type RedisServer, startRedis } from '../../test/redis-server.ts';
import { PATIENCE } from '../../test/use-auth-service.ts';
import { resealAll } from '../sealing/resealing.ts';
import type { DcrCredentialStore } from './dcr-credentials.ts';
import { postgresDcrEntries } from './dcr-credentials-store.ts';
import { type DcrKey, dcrKeyId, scopesHash, upstreamIdentity } from './dcr-key.ts';
import { createInMemoryDcrCredentialStore } from './in-memory-dcr-credentials.ts';
import { RedisConnection } from './redis-connection.ts';
import { redisDcrColumn, redisDcrEntries } from './redis-dcr-credentials-store.ts';
import { createSealedDcrCredentialStore } from './sealed-dcr-credentials.ts';
import type { UpstreamClientResolution } from './upstream-client.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const sealer = createSealer({ current: Buffer.alloc(32, 7) });
const ISSUER = 'https://auth.example';

let keys = 0;
function newKey(overrides: Partial<DcrKey> = {}): DcrKey {
  keys += 1;
  return {
    issuer: ISSUER,
    redirectUri: `${ISSUER}/oauth/callback`,
    scopesHash: scopesHash(['openid', 'email']),
    upstream: upstreamIdentity({ name: `corp-${keys}`, address: 'https://id.example' }),
    ...overrides,
  };
}

const resolution: UpstreamClientResolution = {
  clientId: 'client-1',
  clientSecret: 'hunter2-secret',
  authorizationEndpoint: 'https://id.example/authorize',
  tokenEndpoint: 'https://id.example/token',
  registrationAccessToken: 'hunter2-registration',
  registrationClientUri: 'https://id.example/register/client-1',
  tokenEndpointAuthMethod: 'client_secret_basic',
  redirectUri: `${ISSUER}/oauth/callback`,
  clientIdIssuedAt: new Date('2026-01-01T00:00:00Z'),
  clientSecretExpiresAt: new Date('2026-06-01T00:00:00Z'),
  createdAt: new Date('2026-01-01T00:00:01.500Z'),
  issuer: 'https://id.example',
  jwksUri: 'https://id.example/jwks',
  userinfoEndpoint: 'https://id.example/me',
};
const publicClient: UpstreamClientResolution = {
  clientId: 'client-2',
  authorizationEndpoint: 'https://id.example/authorize',
  tokenEndpoint: 'https://id.example/token',
  tokenEndpointAuthMethod: 'none',
  redirectUri: `${ISSUER}/oauth/callback`,
  createdAt: new Date('2026-01-01T00:00:00Z'),
};

/** What every store does. */
function itKeepsRegistrations(store: () => DcrCredentialStore): void {
  it('gives back what was put, whole', async () => {
    const key = newKey();
    await store().put(key, resolution);
    expect(await store().get({ ...key })).toEqual(resolution);
    const other = newKey();
    await store().put(other, publicClient);
    expect(await store().get(other)).toEqual(publicClient);
  });

  it('has nothing under a key that differs in any part', async () => {
    const key = newKey();
    await store().put(key, resolution);
    const others = [
      { ...key, issuer: 'https://auth2.example' },
      { ...key, redirectUri: `${ISSUER}/oauth/callback/corp` },
      { ...key, scopesHash: scopesHash(['openid']) },
      { ...key, upstream: upstreamIdentity({ name: 'another', address: 'https://id.example' }) },
    ];
    expect(await Promise.all(others.map((other) => store().get(other)))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('overwrites', async () => {
    const key = newKey();
    await store().put(key, resolution);
    await store().put(key, publicClient);
    expect(await store().get(key)).toEqual(publicClient);
  });

  it('does not drop what is old, or has a secret that is over', async () => {
    const key = newKey();
    const old = { ...resolution, createdAt: new Date(0), clientSecretExpiresAt: new Date(1000) };
    await store().put(key, old);
    expect(await store().get(key)).toEqual(old);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['no client id', { ...resolution, clientId: '' }],
    ['no authorization endpoint', { ...resolution, authorizationEndpoint: undefined }],
    ['no token endpoint', { ...resolution, tokenEndpoint: '' }],
    ['no redirect URI', { ...resolution, redirectUri: undefined }],
  ])('refuses to put %s, and keeps what was there', async (_, broken) => {
    const key = newKey();
    await store().put(key, resolution);
    await expect(store().put(key, broken as UpstreamClientResolution)).rejects.toThrow(TypeError);
    expect(await store().get(key)).toEqual(resolution);
  });

  it('keeps what it was given when the giver changes it', async () => {
    const key = newKey();
    const given = { ...resolution };
    await store().put(key, given);
    given.clientId = 'another';
    Object.assign((await store().get(key)) ?? {}, { clientId: 'another' });
    expect((await store().get(key))?.clientId).toBe('client-1');
  });

  it('is whole when many put and get at once', async () => {
    const key = newKey();
    const candidates = Array.from({ length: 20 }, (_, index) => ({ ...resolution, clientId: `client-${index}` }));
    const seen = await Promise.all(
      candidates.map(async (each) => {
        await store().put(key, each);
        return store().get(key);
      }),
    );
    const ids = new Set(candidates.map(({ clientId }) => clientId));
    expect(seen.every((each) => each !== undefined && ids.has(each.clientId))).toBe(true);
    const last = await store().get(key);
    expect(last).toEqual({ ...resolution, clientId: last?.clientId });
  });
}

describe('registrations in memory', () => {
  const store = createInMemoryDcrCredentialStore();
  itKeepsRegistrations(() => store);
});

describe('registrations in PostgreSQL', () => {
  const database = useTestDatabase();
  let pool: Pool;
  const storeOver = (seal = sealer) =>
    createSealedDcrCredentialStore({ entries: postgresDcrEntries(pool), sealer: seal });
  beforeAll(async () => {
    const directory = new URL('../../migrations', import.meta.url).pathname;
    await runMigrations({ databaseUrl: database.url, schema: 'codex_auth', directory });
    pool = createPool({ databaseUrl: database.url, applicationName: 'test', ...PATIENCE });
  });
  afterAll(() => pool.end());
  itKeepsRegistrations(() => storeOver());

  it('are sealed, each for its own key', async () => {
    const [key, other] = [newKey(), newKey()];
    await storeOver().put(key, resolution);
    const { rows } = await pool.query('select * from codex_auth.dcr_credentials where id = $1', [dcrKeyId(key)]);
    expect(rows).toEqual([
      expect.objectContaining({ issuer: ISSUER, upstream: key.upstream, sealed: expect.any(Buffer) }),
    ]);
    expect(JSON.stringify(rows) + rows[0].sealed.toString('latin1')).not.toMatch(/hunter2|client-1/);
    await pool.query('update codex_auth.dcr_credentials set id = $1 where id = $2', [dcrKeyId(other), dcrKeyId(key)]);
    await expect(storeOver().get(other)).rejects.toThrow(UnsealError);
    await pool.query('delete from codex_auth.dcr_credentials where id = $1', [dcrKeyId(other)]);
  });

  it('get a new master key', async () => {
    const key = newKey();
    await storeOver().put(key, resolution);
    const next = { current: Buffer.alloc(32, 8), previous: [Buffer.alloc(32, 7)] };
    expect(await resealAll({ db: pool, sealer: createSealer(next), log, batchRows: 3 })).toBeGreaterThan(0);
    expect(await storeOver(createSealer({ current: next.current })).get(key)).toEqual(resolution);
    await expect(storeOver().get(key)).rejects.toThrow(UnsealError);
  });
});

describeWith('redis-server')('registrations in Redis', () => {
  const cleanup = useCleanup();
  let server: RedisServer;
  let redis: RedisConnection;
  const connect = (options: Partial<ConstructorParameters<typeof RedisConnection>[0]> = {}) => {
    const connection = new RedisConnection({ url: server.url, timeoutMs: 30_000, log, ...options });
    cleanup.after(() => connection.close());
    return connection;
  };
  const storeOver = (connection = redis, seal = sealer) =>
    createSealedDcrCredentialStore({ entries: redisDcrEntries(connection), sealer: seal });
  beforeAll(async () => {
    server = await startRedis();
    cleanup.after(() => server.close());
    redis = connect();
  });
  itKeepsRegistrations(() => storeOver());

  it('are sealed', async () => {
    await storeOver().put(newKey(), resolution);
    const all = Object.values(await hashesIn(server.url)).flatMap((hash) => Object.values(hash));
    expect(all.length).toBeGreaterThan(0);
    for (const value of all) {
      expect(value + Buffer.from(value, 'base64').toString('latin1')).not.toMatch(/hunter2|client-1/);
    }
  });

  it('are shared by replicas', async () => {
    const key = newKey();
    await storeOver(connect()).put(key, resolution);
    expect(await storeOver(connect()).get(key)).toEqual(resolution);
  });

  it('get a new master key, those of this server alone, and unless they were replaced meanwhile', async () => {
    const [key, foreign] = [newKey(), newKey({ issuer: 'https://auth2.example' })];
    await storeOver().put(key, resolution);
    await storeOver().put(foreign, resolution);
    const next = createSealer({ current: Buffer.alloc(32, 8), previous: [Buffer.alloc(32, 7)] });
    const column = redisDcrColumn(redis, ISSUER);
    const db = undefined as never;
    expect(await resealAll({ db, sealer: next, log, columns: [column], batchRows: 3 })).toBeGreaterThan(3);
    expect(await resealAll({ db, sealer: next, log, columns: [column] })).toBe(0);
    expect(await storeOver(redis, createSealer({ current: Buffer.alloc(32, 8) })).get(key)).toEqual(resolution);
    expect(await storeOver().get(foreign)).toEqual(resolution);
    await column.replace(db, { key: dcrKeyId(key), from: Buffer.from('other'), to: Buffer.from('lost') });
    expect(await storeOver(redis, next).get(key)).toEqual(resolution);
  });
});
