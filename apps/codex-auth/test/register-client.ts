import { randomUUID } from 'node:crypto';
import { randomToken, sha256 } from '@codex-gateways/crypto';
import type { Queryable } from '@codex-gateways/database';
import { insertClient } from '../src/oauth/client-store.ts';
import { DEVICE_CODE_GRANT, type OAuthClient } from '../src/oauth/clients.ts';

export interface RegisteredClient {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

/** Registers a client other than the CLI's; a public one with `tokenEndpointAuthMethod: 'none'`. */
export async function registerClient(db: Queryable, changes: Partial<OAuthClient> = {}): Promise<RegisteredClient> {
  const clientSecret = randomToken();
  const { tokenEndpointAuthMethod = 'client_secret_basic' } = changes;
  const client: OAuthClient = {
    clientId: `client_${randomUUID()}`,
    clientName: 'Test Client',
    tokenEndpointAuthMethod,
    clientSecretDigest: tokenEndpointAuthMethod === 'none' ? undefined : sha256(clientSecret),
    redirectUris: ['https://client.example/callback'],
    grantTypes: ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT],
    scope: 'openid profile email offline_access codex.api',
    ...changes,
  };
  await insertClient(db, client);
  return { clientId: client.clientId, clientSecret, redirectUri: client.redirectUris[0] ?? '' };
}

export function basicAuth({ clientId, clientSecret }: RegisteredClient): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` };
}
