import { createSealer } from '@codex-gateways/crypto';
import { createLogger } from '@codex-gateways/service';
import { describeWith, useCleanup } from '@codex-gateways/testing';
import { registersClients, useLyingUpstream } from '../../test/lying-upstream.ts';
import { type RealProvider, startRealProvider } from '../../test/real-provider.ts';
import { startRedis } from '../../test/redis-server.ts';
import { useUpstreamClients } from '../../test/use-upstream-clients.ts';
import type { DcrCredentialStore } from './dcr-credentials.ts';
import { postgresDcrEntries } from './dcr-credentials-store.ts';
import { createInMemoryDcrCredentialStore } from './in-memory-dcr-credentials.ts';
import { RedisConnection } from './redis-connection.ts';
import { redisDcrEntries } from './redis-dcr-credentials-store.ts';
import { createSealedDcrCredentialStore } from './sealed-dcr-credentials.ts';

const fixture = useUpstreamClients();
const cleanup = useCleanup();
const here = useLyingUpstream();
const sealer = createSealer({ current: Buffer.alloc(32, 7) });
const inPostgres = () => createSealedDcrCredentialStore({ entries: postgresDcrEntries(fixture.pool), sealer });

let names = 0;
/** An upstream that no test has registered at yet. */
function newUpstream(issuer = here().issuer, scopes = ['openid', 'email']) {
  names += 1;
  return { name: `corp-${names}`, issuer, scopes };
}
const registrations = () => here().requests.filter(({ path }) => path === '/register').length;

/** Two replicas, each with fifty requests at once. @returns the client ids that they got */
async function hundredFirstRequests(provider: RealProvider, newStore: () => DcrCredentialStore) {
  const { issuer, initialAccessToken } = provider;
  const upstream = { ...newUpstream(issuer), registration: { initialAccessToken } };
  const replicas = [fixture.newResolver({ store: newStore() }), fixture.newResolver({ store: newStore() })];
  const requests = replicas.flatMap((replica) => Array.from({ length: 50 }, () => replica.resolve(upstream)));
  return Promise.all(requests);
}

describe('a real provider with dynamic registration', () => {
  let provider: RealProvider;
  beforeAll(async () => {
    provider = await startRealProvider();
    cleanup.after(() => provider.close());
  });

  it('sees one registration of two replicas with fifty first requests each', async () => {
    const before = provider.registered.length;
    const clients = await hundredFirstRequests(provider, inPostgres);
    expect(provider.registered.length - before).toBe(1);
    const [clientId = ''] = provider.registered.slice(before);
    expect(new Set(clients.map((each) => each.clientId))).toEqual(new Set([clientId]));
    expect(await provider.knows(clientId, clients[0]?.clientSecret)).toBe(true);
  });

  it('gives what is needed to manage the registration', async () => {
    const [client] = await hundredFirstRequests(provider, inPostgres);
    const { registrationClientUri = '', registrationAccessToken, clientId } = client ?? {};
    const answer = await fetch(registrationClientUri, {
      headers: { authorization: `Bearer ${registrationAccessToken}` },
    });
    expect(await answer.json()).toMatchObject({ client_id: clientId, redirect_uris: [client?.redirectUri] });
  });

  it('refuses whoever has no initial access token', async () => {
    const resolver = fixture.newResolver();
    await expect(resolver.resolve(newUpstream(provider.issuer))).rejects.toMatchObject({ problem: 'refused' });
  });

  describeWith('redis-server')('and registrations in Redis', () => {
    it('sees one of two replicas as well', async () => {
      const server = await startRedis();
      const log = createLogger({ service: 'test', level: 'silent' });
      const connections = [0, 1].map(() => new RedisConnection({ url: server.url, timeoutMs: 30_000, log }));
      const stores = connections.map((redis) =>
        createSealedDcrCredentialStore({ entries: redisDcrEntries(redis), sealer }),
      );
      const before = provider.registered.length;
      await hundredFirstRequests(provider, () => stores.pop() ?? inPostgres());
      expect(stores).toEqual([]);
      expect(provider.registered.length - before).toBe(1);
      await Promise.all(connections.map((redis) => redis.close()));
      await server.close();
    });
  });
});

describe('a registration', () => {
  it('outlives the process', async () => {
    registersClients(here());
    const upstream = newUpstream();
    const first = await fixture.newResolver({ store: inPostgres() }).resolve(upstream);
    expect(await fixture.newResolver({ store: inPostgres() }).resolve(upstream)).toEqual(first);
    expect(registrations()).toBe(1);
  });

  it('is another one for other scopes, another redirect URI, another entry and another server', async () => {
    registersClients(here());
    const store = inPostgres();
    const upstream = newUpstream();
    const resolver = fixture.newResolver({ store });
    await resolver.resolve(upstream);
    await resolver.resolve({ ...upstream, scopes: ['email', 'openid', 'email'] });
    expect(registrations()).toBe(1);
    await resolver.resolve({ ...upstream, scopes: ['openid'] });
    await resolver.resolve({ ...upstream, redirectUri: 'https://auth.example/oauth/callback/corp' });
    await resolver.resolve({ ...upstream, name: `${upstream.name}-b` });
    await fixture.newResolver({ store, issuer: 'https://auth2.example' }).resolve(upstream);
    expect(registrations()).toBe(5);
  });

  it('whose secret is over is made anew, once by all replicas', async () => {
    const expiresAt = (seconds: number) => ({ client_secret_expires_at: fixture.clock.nowSeconds() + seconds });
    const upstream = newUpstream();
    const replicas = [fixture.newResolver({ store: inPostgres() }), fixture.newResolver({ store: inPostgres() })];
    const fromAll = () =>
      Promise.all(replicas.flatMap((each) => Array.from({ length: 10 }, () => each.resolve(upstream))));
    registersClients(here(), expiresAt(3600));
    await fromAll();
    fixture.clock.advance(3000);
    await fromAll();
    expect(registrations()).toBe(1);
    registersClients(here(), { ...expiresAt(3600), client_id: 'the-next' });
    fixture.clock.advance(700);
    expect(new Set((await fromAll()).map(({ clientId }) => clientId))).toEqual(new Set(['the-next']));
    expect(registrations()).toBe(2);
  });

  it('older than ninety days is used, with a warning a day and an age in the metrics', async () => {
    registersClients(here());
    const upstream = newUpstream();
    const resolver = fixture.newResolver();
    const warnings = () => fixture.logged.filter((line) => line.upstream === upstream.name && line.level === 'warn');
    await resolver.resolve(upstream);
    fixture.clock.advance(89 * 86_400);
    await resolver.resolve(upstream);
    expect(warnings()).toEqual([]);
    fixture.clock.advance(2 * 86_400);
    await resolver.resolve(upstream);
    await resolver.resolve(upstream);
    expect(warnings()).toEqual([expect.objectContaining({ client_id: 'registered', age_days: 91 })]);
    fixture.clock.advance(86_400);
    await resolver.resolve(upstream);
    expect(warnings().length).toBe(2);
    expect(registrations()).toBe(1);
    const text = await fixture.metrics.registry.metrics();
    const [, age] = new RegExp(`registration_age_seconds\\{upstream="${upstream.name}",.*\\} (\\S+)`).exec(text) ?? [];
    expect(Math.floor(Number(age) / 86_400)).toBe(92);
    expect(text).toMatch(new RegExp(`registrations_total\\{upstream="${upstream.name}",outcome="registered",.*\\} 1`));
  });

  it('that could not be stored is stored later, and not made again', async () => {
    registersClients(here());
    const upstream = newUpstream();
    const memory = createInMemoryDcrCredentialStore();
    let isFull = true;
    const store: DcrCredentialStore = {
      get: memory.get,
      put: (key, resolution) => (isFull ? Promise.reject(new Error('no space left')) : memory.put(key, resolution)),
    };
    const resolver = fixture.newResolver({ store });
    await expect(resolver.resolve(upstream)).rejects.toThrow('no space left');
    isFull = false;
    fixture.clock.advance(11);
    expect((await resolver.resolve(upstream)).clientId).toBe('registered');
    expect(registrations()).toBe(1);
  });

  it('does not wait for itself when many upstreams are met at once on a small pool', async () => {
    registersClients(here());
    const resolver = fixture.newResolver({ store: inPostgres() });
    const upstreams = Array.from({ length: 12 }, () => newUpstream());
    await Promise.all(upstreams.map((upstream) => resolver.resolve(upstream)));
    expect(registrations()).toBe(12);
  });
});
