import { createLogger } from '@codex-gateways/service';
import { freePort, useTestDatabase } from '@codex-gateways/testing';
import jsonwebtoken from 'jsonwebtoken';
import * as oauth from 'oauth4webapi';
import { createAuthorizationServer } from '../src/authorization-server.ts';
import { parseUpstreams } from '../src/upstream/parse-upstreams.ts';
import { codeFlow, discover } from './code-flow.ts';
import { bareHost, expressHost, useEmbeddingHost } from './embedding-hosts.ts';
import { HostileProvider } from './hostile-provider.ts';
import { CLI_CLIENT_ID, CLI_REDIRECT_URI, OAuthClient } from './oauth-client.ts';
import { MASTER_KEY } from './use-auth-service.ts';
import { oidcEntry } from './use-upstreams.ts';
import { WebSession } from './web-session.ts';

const http = { [oauth.allowInsecureRequests]: true };
const client: oauth.Client = { client_id: CLI_CLIENT_ID };
const clientAuth = oauth.None();
const statusOf = async (url: string) => (await fetch(url, { redirect: 'manual' })).status;

describe.each([
  ['an express application with routes of its own', expressHost],
  ['a bare node:http server that looks paths up', bareHost],
])('embedded in %s', (_, build) => {
  const host = useEmbeddingHost(build);
  const person = new OAuthClient(() => host.url);

  it('a client library runs the code flow, refreshes, and is refused a revoked refresh token', async () => {
    const as = await discover(host.url);
    const tokens = await codeFlow(person, as, { client, clientAuth, redirectUri: CLI_REDIRECT_URI });
    const refresh = async (token: string) =>
      oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, clientAuth, token, http),
      );
    const refreshed = await refresh(tokens.refresh_token ?? '');
    expect(refreshed.access_token).not.toBe(tokens.access_token);
    const next = refreshed.refresh_token ?? '';
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, clientAuth, next, http));
    await expect(refresh(next)).rejects.toMatchObject({ error: 'refresh_token_invalidated' });
  });

  it('the host verifies an access token with the key provider, without asking over HTTP', async () => {
    const { access_token: token } = await person.tokens();
    const { keyProvider } = host.authorizationServer;
    const kid = jsonwebtoken.decode(token, { complete: true })?.header.kid ?? '';
    const key = keyProvider.verificationKey(kid);
    expect(jsonwebtoken.verify(token, key ?? '', { algorithms: ['RS256'] })).toMatchObject({ iss: host.url });
    expect(keyProvider.verificationKey('of nobody')).toBeUndefined();
    expect(await (await fetch(`${host.url}/.well-known/jwks.json`)).json()).toEqual(keyProvider.jwks());
  });

  it.each(['oauth-authorization-server', 'openid-configuration', 'jwks.json'])(
    'serves /.well-known/%s as it is and with a slash, and nothing that only begins like it',
    async (name) => {
      const url = `${host.url}/.well-known/${name}`;
      expect([await statusOf(url), await statusOf(`${url}/`)]).toEqual([200, 200]);
      const other = await fetch(`${url}x`);
      expect([other.status, await other.text()]).toEqual([404, 'the host knows nothing of it']);
    },
  );

  it('answers everything below /oauth/, and leaves the rest to the host', async () => {
    const below = await fetch(`${host.url}/oauth/whatever`);
    expect([below.status, await below.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
    for (const path of ['/', '/api/me', '/oauth', '/loginx', '/.well-known/', '/healthz', '/metrics']) {
      expect([path, await (await fetch(host.url + path)).text()]).toEqual([path, 'the host knows nothing of it']);
    }
    expect(await (await fetch(`${host.url}/hello`)).text()).toBe('of the host');
  });

  it("leaves the host's own metadata of its resource to the host (RFC 9728)", async () => {
    const said = await fetch(`${host.url}/.well-known/oauth-protected-resource`);
    expect(await said.json()).toEqual({ resource: 'of the host' });
  });

  it('has no tokens of identity providers where there is none', () => {
    expect(host.authorizationServer.upstreamTokens).toBeUndefined();
  });
});

describe.each([
  ['express', expressHost],
  ['node:http', bareHost],
])('an issuer with a path, embedded in a host of %s', (_, build) => {
  const host = useEmbeddingHost(build, { issuerPath: '/tenant' });

  it('serves its metadata where clients of either specification look', async () => {
    const issuer = `${host.url}/tenant`;
    for (const url of [
      `${issuer}/.well-known/openid-configuration`,
      `${host.url}/.well-known/oauth-authorization-server/tenant`,
      `${host.url}/.well-known/openid-configuration/tenant`,
    ]) {
      const answer = await fetch(url);
      expect([url, answer.status, await answer.json()]).toMatchObject([url, 200, { issuer }]);
    }
  });

  it('runs the code flow below its path', async () => {
    const as = await discover(`${host.url}/tenant`);
    expect(as.token_endpoint).toBe(`${host.url}/tenant/oauth/token`);
    const person = new OAuthClient(() => host.url);
    const tokens = await codeFlow(person, as, { client, clientAuth, redirectUri: CLI_REDIRECT_URI });
    expect(oauth.getValidatedIdTokenClaims(tokens)?.iss).toBe(`${host.url}/tenant`);
    expect(await (await fetch(`${host.url}/tenant/hello`)).text()).toBe('the host knows nothing of it');
  });
});

describe('embedded, in front of an identity provider', () => {
  let provider: HostileProvider;
  beforeAll(async () => {
    provider = await HostileProvider.start();
  });
  afterAll(() => provider.close());
  const host = useEmbeddingHost(expressHost, {
    settings: (issuer) => ({
      localAccounts: false,
      upstreams: parseUpstreams(JSON.stringify([oidcEntry('corp', provider.issuer)]), {
        issuer,
        secrets: { variable: () => 'secret of the client', file: () => '' },
      }),
    }),
  });

  it('the host gets what the provider issued to a person who signed in, and nothing of anybody else', async () => {
    const web = new WebSession(host.url);
    const away = await web.get('/login/upstream/corp');
    const atProvider = await fetch(away.headers.get('location') ?? '', { redirect: 'manual' });
    const back = await web.get(atProvider.headers.get('location') ?? '');
    expect(back.status).toBe(303);
    const { upstreamTokens } = host.authorizationServer;
    const person = new OAuthClient(() => host.url);
    const { body } = await person.redeem(await person.authorizationCode({}, web));
    const userId = String(jsonwebtoken.decode(String(body.access_token))?.sub);
    const [stored] = (await upstreamTokens?.storage.listLive({ userId, provider: 'corp' })) ?? [];
    expect(stored).toMatchObject({ userId, provider: 'corp', subject: 'ann', authority: provider.issuer });
    const fresh = await upstreamTokens?.refresher.fresh({ userId, provider: 'corp' });
    expect(fresh?.accessToken).toBe(stored?.accessToken);
    expect(await upstreamTokens?.refresher.fresh({ userId: 'user_other', provider: 'corp' })).toBeUndefined();
    expect(await upstreamTokens?.refresher.fresh({ userId, provider: 'other' })).toBeUndefined();
  });
});

describe('the life of an embedded authorization server', () => {
  const database = useTestDatabase();
  const settings = async () => ({
    issuer: `http://127.0.0.1:${await freePort()}`,
    databaseUrl: database.url,
    masterKey: MASTER_KEY,
  });
  const deps = { log: createLogger({ service: 'test', level: 'silent' }) };

  it('ends once, however often it is closed, also at the same time', async () => {
    const server = createAuthorizationServer(await settings(), deps);
    await server.start();
    const first = server.close();
    expect(server.close()).toBe(first);
    await first;
    expect(server.close()).toBe(first);
  });

  it('ends without having begun', async () => {
    const server = createAuthorizationServer(await settings(), deps);
    await expect(server.close()).resolves.toBeUndefined();
  });

  it('starts once for any number of callers, and again after a start that failed', async () => {
    const server = createAuthorizationServer(await settings(), deps);
    await Promise.all([server.start(), server.start()]);
    expect(server.keyProvider.jwks().keys).toHaveLength(1);
    await server.close();
    const lost = createAuthorizationServer({ ...(await settings()), databaseUrl: 'postgres://127.0.0.1:1/none' }, deps);
    const [one, two] = [lost.start(), lost.start()];
    expect(one).toBe(two);
    await expect(one).rejects.toThrow();
    const again = lost.start();
    expect(again).not.toBe(one);
    await expect(again).rejects.toThrow();
    await lost.close();
  });

  it('is not made without what it needs to know', async () => {
    const known = await settings();
    expect(() => createAuthorizationServer({ ...known, issuer: 'no URL' })).toThrow('CODEX_AUTH_ISSUER_URL');
    expect(() => createAuthorizationServer({ ...known, masterKey: Buffer.alloc(5) })).toThrow('CODEX_AUTH_MASTER_KEY');
  });
});
