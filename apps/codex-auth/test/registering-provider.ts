import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import Provider from 'oidc-provider';

/** A real OpenID provider on loopback where clients register themselves, with an initial access token. */
export interface RegisteringProvider {
  readonly issuer: string;
  readonly initialAccessToken: string;
  /** Ids of the clients that registered, in order. */
  readonly registered: readonly string[];
  /** Whether it knows a client with this secret. */
  knows(clientId: string, clientSecret: string | undefined): Promise<boolean>;
  close(): Promise<void>;
}

export async function startRegisteringProvider(): Promise<RegisteringProvider> {
  // It says that it is not for production, again and again.
  const quiet = (['warn', 'info'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation(() => undefined),
  );
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const initialAccessToken = 'initial-access-token-of-the-test';
  const registered: string[] = [];
  const provider = new Provider(issuer, {
    scopes: ['openid', 'offline_access', 'email', 'profile'],
    cookies: { keys: ['test'] },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true, initialAccessToken },
      registrationManagement: { enabled: true },
    },
  });
  provider.on('registration_create.success', (_context, client) => registered.push(client.clientId));
  server.on('request', provider.callback());
  return {
    ...{ issuer, initialAccessToken, registered },
    async knows(clientId, clientSecret) {
      const client = await provider.Client.find(clientId);
      return client !== undefined && client.clientSecret === clientSecret;
    },
    close: () =>
      new Promise((resolve) => {
        for (const spy of quiet) spy.mockRestore();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
