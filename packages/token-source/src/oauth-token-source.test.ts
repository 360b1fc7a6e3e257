import { useCleanup } from '@codex-gateways/testing';
import { Person } from '../test/person.ts';
import { type RealProvider, startRealProvider } from '../test/real-provider.ts';
import { accessTokenKey } from './naming.ts';
import { OAuthTokenSource } from './oauth-token-source.ts';
import type { TokenReference, TokenSourceOptions } from './options.ts';
import { MemorySecrets } from './secrets/memory-secrets.ts';

const KEY = 'TEST_REFRESH';
const HOUR_MS = 3_600_000;

describe('a token source in front of a real OpenID provider that rotates refresh tokens', () => {
  const cleanup = useCleanup();
  let provider: RealProvider;
  beforeEach(async () => {
    const started = await startRealProvider();
    cleanup.after(() => started.close());
    provider = started;
  });

  /** A source whose clock the test moves, and whose browser is a person who signs in at once. */
  function newSource(options: Partial<TokenSourceOptions> = {}) {
    const { issuer, clientId } = provider;
    const person = { logins: 0, lastPage: Promise.resolve({ status: 0, text: '', url: '' }) };
    const persisted: TokenReference[] = [];
    const clock = {
      skewMs: 0,
      /** Stands still there, when it is set. */
      stoppedAtMs: undefined as number | undefined,
      now: () => new Date((clock.stoppedAtMs ?? Date.now()) + clock.skewMs),
    };
    const source = new OAuthTokenSource({
      oidc: { issuer, clientId, scopes: ['openid'], callbackPort: 0 },
      secretKey: () => KEY,
      openUrl: async (url) => {
        person.logins += 1;
        person.lastPage = new Person().signIn(url);
      },
      persistConfig: (reference) => {
        persisted.push(reference);
      },
      clock,
      loginTimeoutMs: 120_000,
      ...options,
    });
    return { source, person, persisted, clock };
  }

  it('signs in through the browser once, stores both tokens, and answers from memory afterwards', async () => {
    const secrets = new MemorySecrets();
    const { source, person, persisted } = newSource({ secrets, interactive: true });
    const token = await source.token();
    expect(await source.token()).toBe(token);
    expect(person.logins).toBe(1);
    expect(await person.lastPage).toMatchObject({ status: 200, text: expect.stringContaining('You are signed in') });
    expect(await secrets.get(KEY)).toMatch(/^[\w-]{20,}$/);
    expect(await secrets.get(accessTokenKey(KEY))).toMatch(`${token}|`);
    expect(persisted).toEqual([{ secretKey: KEY, expiresAt: expect.any(Date) }]);
    expect(provider.refreshes()).toBe(0);
  });

  it('makes one login for callers that ask at the same time', async () => {
    const { source, person } = newSource({ secrets: new MemorySecrets(), interactive: true });
    const tokens = await Promise.all(Array.from({ length: 10 }, () => source.token()));
    expect(new Set(tokens).size).toBe(1);
    expect(person.logins).toBe(1);
  });

  it('takes the access token that another process has cached, without asking the provider', async () => {
    const secrets = new MemorySecrets();
    const token = await newSource({ secrets, interactive: true }).source.token();
    const other = newSource({ secrets, oidc: { issuer: 'http://127.0.0.1:1', clientId: 'x', scopes: [] } });
    expect(await other.source.token()).toBe(token);
  });

  it('refreshes before the window of 30 s begins, stores the new refresh token, and says so', async () => {
    const secrets = new MemorySecrets();
    const { source, clock, persisted } = newSource({ secrets, interactive: true });
    const first = await source.token();
    const refreshToken = await secrets.get(KEY);
    const expiresAtMs = persisted[0]?.expiresAt?.getTime() ?? 0;
    clock.stoppedAtMs = expiresAtMs - 31_000;
    expect(await source.token()).toBe(first);
    clock.stoppedAtMs = expiresAtMs - 29_000;
    const second = await source.token();
    expect(second).not.toBe(first);
    expect(provider.refreshes()).toBe(1);
    expect(await secrets.get(KEY)).not.toBe(refreshToken);
    expect(persisted).toHaveLength(2);
  });

  it('keeps the window that it is given', async () => {
    const { source, clock } = newSource({ secrets: new MemorySecrets(), interactive: true, refreshWindowSeconds: 600 });
    await source.token();
    clock.skewMs = HOUR_MS - 599_000;
    await source.token();
    expect(provider.refreshes()).toBe(1);
  });

  it('makes one refresh for callers that ask at the same time', async () => {
    const secrets = new MemorySecrets();
    const { source, clock } = newSource({ secrets, interactive: true });
    await source.token();
    clock.skewMs = 2 * HOUR_MS;
    const tokens = await Promise.all(Array.from({ length: 10 }, () => source.token()));
    expect(new Set(tokens).size).toBe(1);
    expect(provider.refreshes()).toBe(1);
  });

  it('makes one refresh for sources that share secrets, also when tokens live shorter than the window', async () => {
    const secrets = new MemorySecrets();
    provider.setAccessTokenLifetimeSeconds(20);
    await newSource({ secrets, interactive: true }).source.token();
    await secrets.delete(accessTokenKey(KEY));
    const sources = Array.from({ length: 10 }, () => newSource({ secrets }).source);
    const tokens = await Promise.all(sources.map((source) => source.token()));
    expect(new Set(tokens).size).toBe(1);
    expect(provider.refreshes()).toBe(1);
  });

  it('fetches another token when a server has refused one that has not expired', async () => {
    const { source } = newSource({ secrets: new MemorySecrets(), interactive: true });
    const refused = await source.token();
    const tokens = await Promise.all([source.token({ rejected: refused }), source.token({ rejected: refused })]);
    expect(tokens[0]).not.toBe(refused);
    expect(tokens[1]).toBe(tokens[0]);
    expect(provider.refreshes()).toBe(1);
  });

  it('says that nobody is signed in, or what it was told to say, when it may not ask', async () => {
    const secrets = new MemorySecrets();
    await expect(newSource({ secrets }).source.token()).rejects.toMatchObject({ code: 'not_signed_in' });
    const fallbackError = new Error('run our-program login');
    await expect(newSource({ secrets, fallbackError }).source.token()).rejects.toBe(fallbackError);
  });

  it('says that there is no place for tokens, rather than that nobody is signed in', async () => {
    const fallbackError = new Error('run our-program login');
    await expect(newSource({ fallbackError }).source.token()).rejects.toMatchObject({ code: 'secrets_unavailable' });
  });

  it('keeps a login in memory when there is no place for tokens, and refreshes it', async () => {
    const { source, person, clock } = newSource({ interactive: true });
    const first = await source.token();
    clock.skewMs = 2 * HOUR_MS;
    expect(await source.token()).not.toBe(first);
    expect(person.logins).toBe(1);
  });

  it('forgets a refresh token that the provider refuses for good, and gives that as the reason', async () => {
    const secrets = new MemorySecrets();
    await secrets.set(KEY, 'never issued');
    const { source, persisted } = newSource({ secrets });
    await expect(source.token()).rejects.toMatchObject({ code: 'sign_in_again', providerCode: 'invalid_grant' });
    expect(await secrets.get(KEY)).toBeUndefined();
    await expect(source.token()).rejects.toMatchObject({ code: 'not_signed_in' });
    expect(persisted).toEqual([]);
  });

  it('asks the person instead, when it may', async () => {
    const secrets = new MemorySecrets();
    await secrets.set(KEY, 'never issued');
    const { source, person } = newSource({ secrets, interactive: true });
    await expect(source.token()).resolves.toMatch(/\S{20,}/);
    expect(person.logins).toBe(1);
  });

  it('uses the stored refresh token when another machine has rotated the one it knew', async () => {
    const secrets = new MemorySecrets();
    const { source, clock } = newSource({ secrets, interactive: true });
    await source.token();
    clock.skewMs = 2 * HOUR_MS;
    const rotated = await secrets.get(KEY);
    const get = secrets.get.bind(secrets);
    let isFirst = true;
    // What a shared folder without shared locks shows: an old value now, the new one a moment later.
    secrets.get = async (key) => {
      if (key !== KEY || !isFirst) return get(key);
      isFirst = false;
      return 'already rotated elsewhere';
    };
    await expect(source.token()).resolves.toMatch(/\S{20,}/);
    expect(provider.refusals()).toBe(1);
    expect(await get(KEY)).not.toBe(rotated);
  });

  it('keeps the refresh token when the provider cannot be reached, and does not ask the person', async () => {
    const secrets = new MemorySecrets();
    const { source, person, clock } = newSource({ secrets, interactive: true });
    await source.token();
    const refreshToken = await secrets.get(KEY);
    clock.skewMs = 2 * HOUR_MS;
    await person.lastPage;
    await provider.close();
    await expect(source.token()).rejects.toMatchObject({
      code: 'provider_unreachable',
      message: expect.stringContaining('cannot be reached'),
    });
    expect(await secrets.get(KEY)).toBe(refreshToken);
    expect(person.logins).toBe(1);
  });

  it('asks again at once when the answer to a refresh is lost, and tells the person when the provider forgives nothing', async () => {
    const secrets = new MemorySecrets();
    const { source, clock } = newSource({ secrets, interactive: true });
    await source.token();
    clock.skewMs = 2 * HOUR_MS;
    provider.loseAnswers(1);
    const plain = newSource({ secrets });
    plain.clock.skewMs = clock.skewMs;
    await expect(plain.source.token()).rejects.toMatchObject({ code: 'sign_in_again' });
    expect({ refreshes: provider.refreshes(), refusals: provider.refusals() }).toEqual({ refreshes: 1, refusals: 1 });
  });

  it('goes on with the new refresh token in memory when it could not be stored, and says so', async () => {
    const secrets = new MemorySecrets();
    const { source, clock } = newSource({ secrets, interactive: true });
    await source.token();
    const set = secrets.set.bind(secrets);
    secrets.set = (key, value) => (key === KEY ? Promise.reject(new Error('disk full')) : set(key, value));
    clock.skewMs = 2 * HOUR_MS;
    await expect(source.token()).rejects.toThrow('disk full');
    secrets.set = set;
    clock.skewMs = 4 * HOUR_MS;
    await expect(source.token()).resolves.toMatch(/\S{20,}/);
    expect(provider.refusals()).toBe(0);
    await expect(newSource({ secrets }).source.token()).resolves.toMatch(/\S{20,}/);
  });

  it('goes on without the cache when only the access token cannot be stored', async () => {
    const secrets = new MemorySecrets();
    const set = secrets.set.bind(secrets);
    secrets.set = (key, value) => (key.endsWith('_AT') ? Promise.reject(new Error('too long')) : set(key, value));
    const warnings: string[] = [];
    const { source } = newSource({ secrets, interactive: true, onWarning: (message) => warnings.push(message) });
    await expect(source.token()).resolves.toMatch(/\S{20,}/);
    expect(warnings).toEqual(['the access token could not be cached: too long']);
  });

  it('signs out at the provider and here', async () => {
    const secrets = new MemorySecrets();
    const { source } = newSource({ secrets, interactive: true });
    await source.token();
    const refreshToken = String(await secrets.get(KEY));
    expect(await source.signOut()).toEqual({ wasSignedIn: true, isRevoked: true });
    expect([await secrets.get(KEY), await secrets.get(accessTokenKey(KEY))]).toEqual([undefined, undefined]);
    await secrets.set(KEY, refreshToken);
    await expect(newSource({ secrets }).source.token()).rejects.toMatchObject({ code: 'sign_in_again' });
    await secrets.delete(KEY);
    expect(await source.signOut()).toEqual({ wasSignedIn: false, isRevoked: false });
  });

  it('signs out here also when the provider is gone, and says that it did not hear of it', async () => {
    const secrets = new MemorySecrets();
    const { source, person } = newSource({ secrets, interactive: true });
    await source.token();
    await person.lastPage;
    await provider.close();
    const { source: later } = newSource({ secrets });
    expect(await later.signOut()).toMatchObject({ wasSignedIn: true, isRevoked: false, reason: expect.any(String) });
    expect(await secrets.get(KEY)).toBeUndefined();
  });
});
