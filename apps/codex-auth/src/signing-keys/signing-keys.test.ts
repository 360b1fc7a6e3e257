import { createSealer, kidOfModulus, type RsaPublicJwk, UnsealError } from '@codex-gateways/crypto';
import { systemClock } from '@codex-gateways/service';
import { OAuthClient } from '../../test/oauth-client.ts';
import { authEnvironment, useAuthService } from '../../test/use-auth-service.ts';
import { readConfig } from '../config.ts';
import { createAuthService } from '../service.ts';
import { insertActiveKey, retireActiveKey } from './jwks-key-store.ts';
import { makeSealedKey } from './key-sealing.ts';
import { SigningKeys } from './signing-keys.ts';

/** Longer than starting a service ever takes. */
const SETTINGS = { CODEX_AUTH_REFRESH_REUSE_GRACE: '1h' };
const auth = useAuthService(SETTINGS);
const client = new OAuthClient(() => auth.url);
const NEW_MASTER_KEY = Buffer.alloc(32, 8);

describe('the published keys (RFC 7517 §5)', () => {
  it.each([
    '/.well-known/jwks.json',
    '/agent-identities/jwks',
    '/api/codex/agent-identities/jwks',
    '/backend-api/wham/agent-identities/jwks',
  ])('are on %s, public only, and may be cached for a while', async (path) => {
    const answer = await fetch(auth.url + path);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
    expect(answer.headers.get('content-type')).toMatch(/json/);
    const { keys } = (await answer.json()) as { keys: RsaPublicJwk[] };
    expect(keys).toHaveLength(1);
    const [key] = keys;
    expect(key).toEqual({
      kty: 'RSA',
      use: 'sig',
      alg: 'RS256',
      kid: kidOfModulus(key?.n ?? ''),
      n: key?.n,
      e: 'AQAB',
    });
  });
});

describe('private keys at rest', () => {
  it('are sealed', async () => {
    const { rows } = await auth.db.query('select private_pkcs8_sealed as sealed from codex_auth.codex_jwks_keys');
    const sealed: Buffer = rows[0]?.sealed;
    expect(sealed[0]).toBe(1);
    // The DER of every PKCS#8 RSA key contains this object identifier (RFC 8017 appendix C).
    expect(sealed.includes(Buffer.from('2a864886f70d010101', 'hex'))).toBe(false);
  });

  it('do not open under another master key, and the service says so instead of making a new one', async () => {
    const keys = new SigningKeys({
      db: auth.db,
      clock: systemClock,
      sealer: createSealer({ current: NEW_MASTER_KEY }),
    });
    await expect(keys.ensureActiveKey()).rejects.toThrow(UnsealError);
  });

  it('move to a new master key, which leaves keys and refresh tokens as they were', async () => {
    const { refresh_token } = await client.tokens();
    const first = await client.refresh(refresh_token);
    const env = await authEnvironment(auth.databaseUrl, { ...SETTINGS, CODEX_AUTH_PORT: '0' });
    const moved = { ...env, CODEX_AUTH_MASTER_KEY: NEW_MASTER_KEY.toString('base64') };
    const both = { ...moved, CODEX_AUTH_PREVIOUS_MASTER_KEYS: env.CODEX_AUTH_MASTER_KEY };
    for (const settings of [both, moved]) {
      const service = createAuthService(readConfig(settings));
      await service.start();
      const later = new OAuthClient(() => service.url);
      expect((await later.refresh(refresh_token)).body.refresh_token).toBe(first.body.refresh_token);
      expect(await later.me(first.body.access_token)).toBe(200);
      await service.close();
    }
  });

  it('are not needed to know what a replica of the next master key signs, nor to refuse what was withdrawn', async () => {
    const shared = { db: auth.db, clock: systemClock };
    const keys = new SigningKeys({ ...shared, sealer: createSealer({ current: NEW_MASTER_KEY }) });
    await keys.ensureActiveKey();
    const own = keys.active();
    const nextSealer = createSealer({ current: Buffer.alloc(32, 9), previous: [NEW_MASTER_KEY] });
    const next = await makeSealedKey(nextSealer);
    await retireActiveKey(auth.db, { now: new Date(), publishedUntil: new Date() });
    await insertActiveKey(auth.db, next, new Date());
    await expect(keys.reload()).rejects.toThrow(UnsealError);
    expect(keys.verificationKey(next.kid)).toBeDefined();
    expect(keys.jwks().keys.map(({ kid }) => kid)).toEqual([next.kid, own.kid]);
    expect(keys.active()).toBe(own); // still published, so what it signs is good
    await auth.db.query('delete from codex_auth.codex_jwks_keys where kid = $1', [own.kid]);
    await expect(keys.reload()).rejects.toThrow(UnsealError);
    expect(keys.verificationKey(own.kid)).toBeUndefined();
    expect(() => keys.active()).toThrow('no signing key');
    const opened = new SigningKeys({ ...shared, sealer: nextSealer });
    await opened.ensureActiveKey();
    expect(opened.active().kid).toBe(next.kid);
  });

  it('of another replica may be sealed otherwise: its tokens are good here all the same', async () => {
    const keys = new SigningKeys({
      ...{ db: auth.db, clock: systemClock },
      sealer: createSealer({ current: Buffer.alloc(32, 9) }),
    });
    await keys.ensureActiveKey();
    const next = await makeSealedKey(createSealer({ current: Buffer.alloc(32, 10) }));
    await retireActiveKey(auth.db, { now: new Date(), publishedUntil: new Date() });
    await insertActiveKey(auth.db, next, new Date());
    expect(await eventuallyLearned(keys, next.kid)).toBe(true);
  });
});

/** One reading a second is all that unknown key ids cause. */
async function eventuallyLearned(keys: SigningKeys, kid: string): Promise<boolean> {
  const giveUpAt = performance.now() + 60_000;
  while (performance.now() < giveUpAt) {
    if (await keys.learn(kid)) return true;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return false;
}
