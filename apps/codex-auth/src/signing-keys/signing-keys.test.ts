import { createSealer, kidOfModulus, type RsaPublicJwk, UnsealError } from '@codex-gateways/crypto';
import { systemClock } from '@codex-gateways/service';
import { OAuthClient } from '../../test/oauth-client.ts';
import { authEnvironment, useAuthService } from '../../test/use-auth-service.ts';
import { readConfig } from '../config.ts';
import { createAuthService } from '../service.ts';
import { SigningKeys } from './signing-keys.ts';

const auth = useAuthService();
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
    const env = await authEnvironment(auth.databaseUrl, { CODEX_AUTH_PORT: '0' });
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
});
