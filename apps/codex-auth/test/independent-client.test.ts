import * as oauth from 'oauth4webapi';
import { approve, codeFlow, discover } from './code-flow.ts';
import { CLI_CLIENT_ID, CLI_REDIRECT_URI, OAuthClient } from './oauth-client.ts';
import { registerClient } from './register-client.ts';
import { useAuthService } from './use-auth-service.ts';

const auth = useAuthService();
const person = new OAuthClient(() => auth.url);
const http = { [oauth.allowInsecureRequests]: true };
const cli: oauth.Client = { client_id: CLI_CLIENT_ID };
const withoutSecret = oauth.None();

describe('a client library that knows nothing of this server (oauth4webapi)', () => {
  it('runs the code flow for a public client, reads the user, refreshes and revokes', async () => {
    const as = await discover(auth.url);
    const tokens = await codeFlow(person, as, {
      client: cli,
      clientAuth: withoutSecret,
      redirectUri: CLI_REDIRECT_URI,
    });
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    const userinfo = await oauth.processUserInfoResponse(
      as,
      cli,
      claims?.sub ?? '',
      await oauth.userInfoRequest(as, cli, tokens.access_token, http),
    );
    expect(userinfo.email).toBe('dev@localhost');
    const refreshToken = tokens.refresh_token ?? '';
    const refreshed = await oauth.processRefreshTokenResponse(
      as,
      cli,
      await oauth.refreshTokenGrantRequest(as, cli, withoutSecret, refreshToken, http),
    );
    expect(refreshed.refresh_token).not.toBe(refreshToken);
    const revoked = await oauth.revocationRequest(as, cli, withoutSecret, refreshed.refresh_token ?? '', http);
    await oauth.processRevocationResponse(revoked);
    const after = await oauth.refreshTokenGrantRequest(as, cli, withoutSecret, refreshed.refresh_token ?? '', http);
    await expect(oauth.processRefreshTokenResponse(as, cli, after)).rejects.toMatchObject({
      name: 'ResponseBodyError',
      error: 'refresh_token_invalidated',
      status: 401,
    });
  });

  it('verifies the ID token by the published keys', async () => {
    const as = await discover(auth.url);
    const codeVerifier = oauth.generateRandomCodeVerifier();
    const { location } = await person.authorizationCode({
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
    });
    const callback = oauth.validateAuthResponse(as, cli, location, 'state-of-the-test');
    const request = [as, cli, withoutSecret, callback, CLI_REDIRECT_URI, codeVerifier, http] as const;
    const response = await oauth.authorizationCodeGrantRequest(...request);
    await oauth.processAuthorizationCodeResponse(as, cli, response, { requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, response, http);
  });

  it('takes an access token for what RFC 9068 says it is, as a resource server that asks nobody', async () => {
    const as = await discover(auth.url);
    const tokens = await codeFlow(person, as, {
      client: cli,
      clientAuth: withoutSecret,
      redirectUri: CLI_REDIRECT_URI,
    });
    const request = new Request('https://resource.example', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const claims = await oauth.validateJwtAccessToken(as, request, auth.url, http);
    expect(claims).toMatchObject({ iss: auth.url, aud: auth.url, client_id: CLI_CLIENT_ID, sub: expect.any(String) });
  });

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'runs the code flow and introspection for a confidential client with %s',
    async (tokenEndpointAuthMethod) => {
      const as = await discover(auth.url);
      const app = await registerClient(auth.db, { tokenEndpointAuthMethod });
      const client: oauth.Client = { client_id: app.clientId };
      const clientAuth =
        tokenEndpointAuthMethod === 'client_secret_basic'
          ? oauth.ClientSecretBasic(app.clientSecret)
          : oauth.ClientSecretPost(app.clientSecret);
      const tokens = await codeFlow(person, as, { client, clientAuth, redirectUri: app.redirectUri });
      const asked = await oauth.introspectionRequest(as, client, clientAuth, tokens.access_token, http);
      const answer = await oauth.processIntrospectionResponse(as, client, asked);
      const expected = { client_id: app.clientId, scope: 'openid email offline_access', aud: auth.url };
      expect(answer).toMatchObject({ active: true, ...expected });
    },
  );

  it('runs the device flow', async () => {
    const as = await discover(auth.url);
    const parameters = new URLSearchParams({ scope: 'openid email' });
    const started = await oauth.deviceAuthorizationRequest(as, cli, withoutSecret, parameters, http);
    const device = await oauth.processDeviceAuthorizationResponse(as, cli, started);
    const poll = async () =>
      oauth.processDeviceCodeResponse(
        as,
        cli,
        await oauth.deviceCodeGrantRequest(as, cli, withoutSecret, device.device_code, http),
      );
    auth.clock.stop();
    await expect(poll()).rejects.toMatchObject({ error: 'authorization_pending' });
    await expect(poll()).rejects.toMatchObject({ error: 'slow_down' });
    auth.clock.run();
    const { pathname, search } = new URL(device.verification_uri_complete ?? '');
    const web = await person.signedIn();
    const confirm = await web.submit(pathname + search, { user_code: device.user_code });
    await approve(web, await confirm.text());
    expect(await poll()).toMatchObject({ token_type: 'bearer', scope: 'openid email' });
  });

  it('is told of a wrong secret in the way of the RFC', async () => {
    const as = await discover(auth.url);
    const app = await registerClient(auth.db);
    const client: oauth.Client = { client_id: app.clientId };
    const asked = await oauth.introspectionRequest(as, client, oauth.ClientSecretBasic('wrong'), 'x', http);
    await expect(oauth.processIntrospectionResponse(as, client, asked)).rejects.toMatchObject({
      name: 'WWWAuthenticateChallengeError',
      status: 401,
    });
  });
});
