import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import Provider from 'oidc-provider';

/** A real OpenID provider on loopback that rotates refresh tokens: a used one is refused, and ends the sign-in. */
export interface RealProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** How many times a refresh token was exchanged. */
  readonly refreshes: () => number;
  /** How many refreshes were refused. */
  readonly refusals: () => number;
  /** The answers to this many refreshes get lost on their way, after the provider has rotated. */
  loseAnswers(count: number): void;
  setAccessTokenLifetimeSeconds(seconds: number): void;
  close(): Promise<void>;
}

const CLIENT_ID = 'script';

/** Its client is a public one with a loopback redirect URI, of which any port is accepted (RFC 8252 §7.3). */
export async function startRealProvider(): Promise<RealProvider> {
  // It says that it is not for production, again and again.
  const quiet = (['warn', 'info'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation(() => undefined),
  );
  const counts = { refreshes: 0, refusals: 0, toLose: 0 };
  let lifetimeSeconds = 3600;
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
      },
    ],
    scopes: ['openid', 'offline_access'],
    cookies: { keys: ['test'] },
    features: { devInteractions: { enabled: true }, deviceFlow: { enabled: true }, revocation: { enabled: true } },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: () => lifetimeSeconds,
      DeviceCode: 600,
      Interaction: 600,
      Session: 600,
      Grant: 600,
      IdToken: 600,
    },
  });
  const isRefresh = (params: unknown) => (params as { grant_type?: string })?.grant_type === 'refresh_token';
  provider.on('grant.success', ({ oidc }) => {
    if (isRefresh(oidc.params)) counts.refreshes += 1;
  });
  provider.on('grant.error', ({ oidc }) => {
    if (isRefresh(oidc.params)) counts.refusals += 1;
  });
  provider.use(async (context, next) => {
    await next();
    if (context.path !== '/token' || !isRefresh(context.oidc?.params) || counts.toLose === 0) return;
    counts.toLose -= 1;
    context.req.socket.destroy();
  });
  server.on('request', provider.callback());
  return {
    issuer,
    clientId: CLIENT_ID,
    refreshes: () => counts.refreshes,
    refusals: () => counts.refusals,
    loseAnswers: (count) => {
      counts.toLose = count;
    },
    setAccessTokenLifetimeSeconds: (seconds) => {
      lifetimeSeconds = seconds;
    },
    close: () =>
      new Promise((resolve) => {
        for (const spy of quiet) spy.mockRestore();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
