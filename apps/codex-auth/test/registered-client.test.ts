import { generateKeyPairSync } from 'node:crypto';
import * as oauth from 'oauth4webapi';
import { codeFlow, discover } from './code-flow.ts';
import { OAuthClient } from './oauth-client.ts';
import { useAuthService } from './use-auth-service.ts';

const auth = useAuthService({ CODEX_AUTH_DYNAMIC_REGISTRATION: 'open', CODEX_AUTH_REGISTRATIONS_PER_ADDRESS: '1000' });
const person = new OAuthClient(() => auth.url);
const http = { [oauth.allowInsecureRequests]: true };
const REDIRECT_URI = 'https://client.example/callback';

async function registered(
  as: oauth.AuthorizationServer,
  metadata: Partial<oauth.OmitSymbolProperties<oauth.Client>> = {},
) {
  const asked = { redirect_uris: [REDIRECT_URI], grant_types: ['authorization_code', 'refresh_token'], ...metadata };
  return oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, asked, http));
}

async function signingKey(algorithm: 'RS256' | 'ES256' | 'Ed25519') {
  const pair = await oauth.generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)), kid: 'k1' };
  return { key: pair.privateKey, kid: 'k1', jwks: { keys: [jwk as oauth.JWK] } };
}

async function clientWithKey(as: oauth.AuthorizationServer, algorithm: 'RS256' | 'ES256' | 'Ed25519' = 'ES256') {
  const { key, kid, jwks } = await signingKey(algorithm);
  const client = await registered(as, { token_endpoint_auth_method: 'private_key_jwt', jwks });
  return { client: { client_id: client.client_id } as oauth.Client, key: { key, kid } };
}

describe('a client library that registers and logs in (oauth4webapi)', () => {
  it.each(['none', 'client_secret_basic', 'client_secret_post'] as const)('does so with %s', async (method) => {
    const as = await discover(auth.url);
    const client = await registered(as, { token_endpoint_auth_method: method, client_name: 'Registered Client' });
    const secret = String(client.client_secret);
    const ways = {
      none: oauth.None(),
      client_secret_basic: oauth.ClientSecretBasic(secret),
      client_secret_post: oauth.ClientSecretPost(secret),
    };
    const clientAuth = ways[method];
    const tokens = await codeFlow(person, as, { client, clientAuth, redirectUri: REDIRECT_URI });
    const asked = await oauth.refreshTokenGrantRequest(as, client, clientAuth, tokens.refresh_token ?? '', http);
    const refreshed = await oauth.processRefreshTokenResponse(as, client, asked);
    expect(refreshed.access_token).not.toBe(tokens.access_token);
  });

  it.each(['RS256', 'ES256', 'Ed25519'] as const)('does so with private_key_jwt and %s', async (algorithm) => {
    const as = await discover(auth.url);
    const { client, key } = await clientWithKey(as, algorithm);
    const clientAuth = oauth.PrivateKeyJwt(key);
    const tokens = await codeFlow(person, as, { client, clientAuth, redirectUri: REDIRECT_URI });
    const asked = await oauth.introspectionRequest(as, client, clientAuth, tokens.access_token, http);
    expect(await oauth.processIntrospectionResponse(as, client, asked)).toMatchObject({ active: true });
    expect((await oauth.revocationRequest(as, client, clientAuth, tokens.access_token, http)).status).toBe(200);
  });

  it('does so as a native client, on whatever port it listens', async () => {
    const as = await discover(auth.url);
    const client = await registered(as, {
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    });
    const redirectUri = 'http://127.0.0.1:49152/callback';
    const tokens = await codeFlow(person, as, { client, clientAuth: oauth.None(), redirectUri });
    expect(tokens.token_type).toBe('bearer');
  });
});

describe('private_key_jwt (RFC 7523)', () => {
  /** The parameters by which the library authenticates. */
  async function assertionOf(as: oauth.AuthorizationServer, client: oauth.Client, clientAuth: oauth.ClientAuth) {
    const body = new URLSearchParams({ token: 'x' });
    await clientAuth(as, client, body, new Headers());
    return Object.fromEntries(body);
  }

  const revoke = (parameters: Record<string, string>, headers: Record<string, string> = {}) =>
    person.postForm('/oauth/revoke', parameters, headers);

  it('takes an assertion once, of any number that come at once', async () => {
    const as = await discover(auth.url);
    const { client, key } = await clientWithKey(as);
    const parameters = await assertionOf(as, client, oauth.PrivateKeyJwt(key));
    const answers = await Promise.all(Array.from({ length: 8 }, () => revoke(parameters)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(401)]);
    expect(answers.find(({ status }) => status === 401)?.body).toEqual({
      error: 'invalid_client',
      error_description: 'client authentication failed',
    });
  });

  it('takes the same jti of another client', async () => {
    const as = await discover(auth.url);
    const clients = [await clientWithKey(as), await clientWithKey(as)];
    for (const { client, key } of clients) {
      const change: oauth.ModifyAssertionFunction = (_header, payload) => {
        payload.jti = 'the same';
      };
      const clientAuth = oauth.PrivateKeyJwt(key, { [oauth.modifyAssertion]: change });
      expect((await revoke(await assertionOf(as, client, clientAuth))).status).toBe(200);
    }
  });

  it("refuses another client's key, a secret, and no proof at all", async () => {
    const as = await discover(auth.url);
    const [mine, theirs] = [await clientWithKey(as), await clientWithKey(as)];
    const forged = await assertionOf(as, theirs.client, oauth.PrivateKeyJwt(mine.key));
    const { client_id = '' } = forged;
    for (const parameters of [forged, { token: 'x', client_id }, { token: 'x', client_id, client_secret: 'x' }]) {
      expect((await revoke(parameters)).body.error).toBe('invalid_client');
    }
  });

  it('refuses a MAC whose secret is the public key', async () => {
    const as = await discover(auth.url);
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwks = { keys: [publicKey.export({ format: 'jwk' }) as oauth.JWK] };
    const client = await registered(as, { token_endpoint_auth_method: 'private_key_jwt', jwks });
    for (const secret of [publicKey.export({ format: 'pem', type: 'spki' }).toString(), JSON.stringify(jwks.keys[0])]) {
      const parameters = await assertionOf(as, { client_id: client.client_id }, oauth.ClientSecretJwt(secret));
      expect((await revoke(parameters)).body.error).toBe('invalid_client');
    }
  });

  it('refuses an assertion for another server, another type of it, and two proofs at once', async () => {
    const as = await discover(auth.url);
    const { client, key } = await clientWithKey(as);
    const clientAuth = oauth.PrivateKeyJwt(key);
    const elsewhere = await assertionOf({ ...as, issuer: 'https://other.example' }, client, clientAuth);
    expect((await revoke(elsewhere)).body.error).toBe('invalid_client');
    const good = await assertionOf(as, client, clientAuth);
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer';
    for (const [changes, headers] of [
      [{ client_assertion_type: saml }, {}],
      [{ client_secret: 'x' }, {}],
      [{ client_id: 'client_other' }, {}],
      [{}, { authorization: 'Basic eDp5' }],
    ] as const) {
      expect((await revoke({ ...good, ...changes }, headers)).body.error).toBe('invalid_request');
    }
  });

  it('refuses an assertion of a client that is registered with a secret', async () => {
    const as = await discover(auth.url);
    const { key } = await clientWithKey(as);
    const client = await registered(as);
    const parameters = await assertionOf(as, { client_id: client.client_id }, oauth.PrivateKeyJwt(key));
    expect((await revoke(parameters)).body.error).toBe('invalid_client');
  });
});
