import { useCleanup } from '@codex-gateways/testing';
import { type Lies, RogueProvider } from '../test/rogue-provider.ts';
import { accessTokenKey, secretEnvVar } from './naming.ts';
import { OAuthTokenSource } from './oauth-token-source.ts';
import type { TokenSourceOptions } from './options.ts';
import { EnvironmentSecrets } from './secrets/environment-secrets.ts';
import { MemorySecrets } from './secrets/memory-secrets.ts';

const KEY = 'KEY';

describe('a provider that', () => {
  const cleanup = useCleanup();
  let provider: RogueProvider;
  beforeAll(async () => {
    provider = await RogueProvider.start();
    cleanup.after(() => provider.close());
  });

  function newSource(lies: Lies, options: Partial<TokenSourceOptions> = {}) {
    provider.lies = lies;
    provider.paths.length = 0;
    const persisted: unknown[] = [];
    const source = new OAuthTokenSource({
      oidc: { issuer: provider.issuer, clientId: 'script', scopes: ['openid'] },
      secretKey: () => KEY,
      persistConfig: (reference) => {
        persisted.push(reference);
      },
      loginTimeoutMs: 120_000,
      ...options,
    });
    return { source, persisted, exchanges: () => provider.paths.filter((path) => path === '/token').length };
  }

  async function signedIn(refreshToken: string): Promise<MemorySecrets> {
    const secrets = new MemorySecrets();
    await secrets.set(KEY, refreshToken);
    return secrets;
  }

  /** Answers the token endpoint with a status, or with a body. */
  const tokenEndpoint =
    (answer: number | object): Lies['answer'] =>
    (request, response) => {
      if (request.url !== '/token') return undefined;
      const [status, body] = typeof answer === 'number' ? [answer, {}] : [200, answer];
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      return true;
    };

  it('gives the same refresh token again has not rotated it: the configuration is not told', async () => {
    const secrets = await signedIn('rogue-refresh');
    const { source, persisted } = newSource({ claims: { nonce: undefined } }, { secrets });
    expect(await source.token()).toBe('rogue-access');
    expect(persisted).toEqual([]);
    expect(await secrets.get(KEY)).toBe('rogue-refresh');
  });

  it('gives no refresh token with a refresh lets the old one live', async () => {
    const secrets = await signedIn('kept');
    const answer = tokenEndpoint({ access_token: 'a', token_type: 'bearer', expires_in: 3600 });
    const { source, persisted } = newSource({ answer }, { secrets });
    expect(await source.token()).toBe('a');
    expect([await secrets.get(KEY), persisted]).toEqual(['kept', []]);
  });

  it('does not say how long a token lives is believed for a few minutes', async () => {
    const secrets = await signedIn('kept');
    const clock = { now: () => new Date('2026-01-01T00:00:00Z') };
    const answer = tokenEndpoint({ access_token: 'opaque', token_type: 'bearer' });
    await newSource({ answer }, { secrets, clock }).source.token();
    expect(await secrets.get(accessTokenKey(KEY))).toBe('opaque|2026-01-01T00:05:00.000Z');
  });

  it('gives a JWT without saying how long it lives is taken at the word of the token', async () => {
    const secrets = await signedIn('kept');
    const jwt = `h.${Buffer.from(JSON.stringify({ exp: 4_102_444_800 })).toString('base64url')}.s`;
    const answer = tokenEndpoint({ access_token: jwt, token_type: 'bearer' });
    const { source } = newSource({ answer }, { secrets });
    expect(await source.accessToken()).toEqual({ accessToken: jwt, expiresAt: new Date('2100-01-01T00:00:00Z') });
  });

  it.each([
    [503, 2],
    [500, 2],
    [429, 1],
  ])('answers %i is asked %i times, and keeps its refresh token', async (status, times) => {
    const secrets = await signedIn('kept');
    const { source, exchanges } = newSource({ answer: tokenEndpoint(status) }, { secrets, interactive: true });
    await expect(source.token()).rejects.toMatchObject({ code: 'provider_unreachable' });
    expect([exchanges(), await secrets.get(KEY)]).toEqual([times, 'kept']);
  });

  it.each(['refresh_token_expired', 'refresh_token_reused', 'refresh_token_invalidated', 'invalid_grant'])(
    'refuses with %s, in either form, ends the sign-in',
    async (code) => {
      for (const body of [{ error: code }, { error: { code, message: 'no' } }]) {
        const secrets = await signedIn('refused');
        const answer: Lies['answer'] = (request, response) => {
          if (request.url !== '/token') return undefined;
          response.writeHead(401, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
          return true;
        };
        const { source } = newSource({ answer }, { secrets });
        await expect(source.token()).rejects.toMatchObject({ code: 'sign_in_again', providerCode: code });
        expect(await secrets.get(KEY)).toBeUndefined();
      }
    },
  );

  it('refuses the client, not the token, does not end the sign-in', async () => {
    const secrets = await signedIn('kept');
    const answer: Lies['answer'] = (request, response) => {
      if (request.url !== '/token') return undefined;
      const headers = { 'Content-Type': 'application/json', 'WWW-Authenticate': 'Basic realm="x"' };
      response.writeHead(401, headers).end('{"error":"invalid_client"}');
      return true;
    };
    const { source } = newSource({ answer }, { secrets });
    await expect(source.token()).rejects.toMatchObject({ code: 'provider_invalid', providerCode: 'invalid_client' });
    expect(await secrets.get(KEY)).toBe('kept');
  });

  it('offers no login by device code is told apart from one that fails', async () => {
    const { source } = newSource({}, { secrets: new MemorySecrets(), loginMethod: 'device_code' });
    await expect(source.login()).rejects.toThrow('offers no login by device code');
  });

  it('loses an answer while a person types a code is asked again', async () => {
    let polls = 0;
    const answer: Lies['answer'] = (request, response) => {
      const json = (status: number, body: object) =>
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      if (request.url === '/device') {
        const uri = `${provider.issuer}/enter`;
        json(200, { device_code: 'd', user_code: 'U', verification_uri: uri, expires_in: 60, interval: 1 });
        return true;
      }
      if (request.url !== '/token') return undefined;
      polls += 1;
      if (polls === 1) json(400, { error: 'authorization_pending' });
      else if (polls === 2) request.socket.destroy();
      else json(200, { access_token: 'a', token_type: 'bearer', expires_in: 60 });
      return true;
    };
    const metadata = { device_authorization_endpoint: `${provider.issuer}/device` };
    const { source } = newSource({ metadata, answer }, { secrets: new MemorySecrets(), loginMethod: 'device_code' });
    await expect(source.login()).resolves.toMatchObject({ accessToken: 'a' });
    expect(polls).toBe(3);
  });

  it('gives a login no refresh token leaves none of an earlier person behind', async () => {
    const secrets = await signedIn('of another person');
    const answer: Lies['answer'] = (request, response) => {
      if (request.url !== '/device')
        return tokenEndpoint({ access_token: 'a', token_type: 'bearer' })?.(request, response);
      const body = { device_code: 'd', user_code: 'U', verification_uri: 'http://x', expires_in: 60, interval: 1 };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
      return true;
    };
    const metadata = { device_authorization_endpoint: `${provider.issuer}/device` };
    const { source, persisted } = newSource({ metadata, answer }, { secrets, loginMethod: 'device_code' });
    await source.login();
    expect([await secrets.get(KEY), persisted.length]).toEqual([undefined, 1]);
  });

  describe('meets secrets that cannot be written', () => {
    it('may rotate: the successor lasts as long as the process', async () => {
      const presented: string[] = [];
      const answer: Lies['answer'] = (request, response) => {
        if (request.url !== '/token') return undefined;
        let form = '';
        request.on('data', (chunk) => {
          form += chunk;
        });
        request.on('end', () => {
          presented.push(String(new URLSearchParams(form).get('refresh_token')));
          const body = { access_token: `a${presented.length}`, token_type: 'bearer', expires_in: 10 };
          const rotated = { ...body, refresh_token: `r${presented.length}` };
          response.setHeader('Content-Type', 'application/json').end(JSON.stringify(rotated));
        });
        return true;
      };
      const secrets = new EnvironmentSecrets({ [secretEnvVar(KEY)]: 'r0' });
      const { source, persisted } = newSource({ answer }, { secrets });
      expect([await source.token(), await source.token(), await source.token()]).toEqual(['a1', 'a2', 'a3']);
      expect(presented).toEqual(['r0', 'r1', 'r2']);
      expect(persisted).toEqual([]);
    });

    it('is not asked at all when an access token is given', async () => {
      const secrets = new EnvironmentSecrets({ [secretEnvVar(accessTokenKey(KEY))]: 'given' });
      const { source } = newSource({}, { secrets });
      expect([await source.token(), provider.paths]).toEqual(['given', []]);
    });

    it('is not asked for a login that could not be kept', async () => {
      const { source } = newSource({}, { secrets: new EnvironmentSecrets({}), interactive: true });
      await expect(source.token()).rejects.toMatchObject({ code: 'secrets_read_only' });
      expect(provider.paths).toEqual([]);
    });
  });
});
