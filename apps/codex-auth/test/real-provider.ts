import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import Provider from 'oidc-provider';

/** A real OpenID provider on loopback, with pages of its own where people sign in. */
export interface RealProvider {
  readonly issuer: string;
  /** With which clients register themselves. */
  readonly initialAccessToken: string;
  /** Ids of the clients that have. */
  readonly registered: readonly string[];
  /** Whether it knows a client with this secret. */
  knows(clientId: string, clientSecret: string | undefined): Promise<boolean>;
  /** How many refresh tokens it has exchanged. */
  readonly refreshes: () => number;
  close(): Promise<void>;
}

const INITIAL_ACCESS_TOKEN = 'initial-access-token-of-the-tests';
const LIFETIME_SECONDS = 600;

/** Whoever signs in as `ann` is ann@example.com. It rotates refresh tokens: one that is used twice ends the sign-in. */
export async function startRealProvider(): Promise<RealProvider> {
  // It says that it is not for production, again and again.
  const quiet = (['warn', 'info'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation(() => undefined),
  );
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registered: string[] = [];
  let refreshes = 0;
  const provider = new Provider(issuer, {
    scopes: ['openid', 'email', 'profile', 'offline_access'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: `The ${id}` }),
    }),
    pkce: { required: () => true },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    cookies: { keys: ['test'] },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true, initialAccessToken: INITIAL_ACCESS_TOKEN },
      registrationManagement: { enabled: true },
    },
    ttl: {
      AccessToken: LIFETIME_SECONDS,
      IdToken: LIFETIME_SECONDS,
      Interaction: LIFETIME_SECONDS,
      Session: LIFETIME_SECONDS,
      Grant: LIFETIME_SECONDS,
      RefreshToken: 86_400,
    },
  });
  provider.on('grant.success', ({ oidc }) => {
    if (oidc.params?.grant_type === 'refresh_token') refreshes += 1;
  });
  provider.on('registration_create.success', (_, client) => registered.push(client.clientId));
  server.on('request', provider.callback());
  return {
    issuer,
    initialAccessToken: INITIAL_ACCESS_TOKEN,
    registered,
    async knows(clientId, clientSecret) {
      const client = await provider.Client.find(clientId);
      return client !== undefined && client.clientSecret === clientSecret;
    },
    refreshes: () => refreshes,
    async close() {
      for (const spy of quiet) spy.mockRestore();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
