import type { Queryable } from '@codex-gateways/database';
import type { ClientAuthMethod, OAuthClient } from './clients.ts';

interface ClientRow {
  client_id: string;
  client_name: string;
  token_endpoint_auth_method: ClientAuthMethod;
  client_secret_digest: Buffer | null;
  redirect_uris: string[];
  grant_types: string[];
  scope: string;
}

export async function findClient(db: Queryable, clientId: string): Promise<OAuthClient | undefined> {
  const found = await db.query<ClientRow>({
    name: 'find-client',
    text: `select client_id, client_name, token_endpoint_auth_method, client_secret_digest, redirect_uris, grant_types, scope
             from codex_auth.oauth_clients
            where client_id = $1`,
    values: [clientId],
  });
  const row = found.rows[0];
  return (
    row && {
      clientId: row.client_id,
      clientName: row.client_name,
      tokenEndpointAuthMethod: row.token_endpoint_auth_method,
      clientSecretDigest: row.client_secret_digest ?? undefined,
      redirectUris: row.redirect_uris,
      grantTypes: row.grant_types,
      scope: row.scope,
    }
  );
}

export async function insertClient(db: Queryable, client: OAuthClient): Promise<void> {
  await db.query(
    `insert into codex_auth.oauth_clients
            (client_id, client_name, token_endpoint_auth_method, client_secret_digest, redirect_uris, grant_types, scope)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      client.clientId,
      client.clientName,
      client.tokenEndpointAuthMethod,
      client.clientSecretDigest,
      client.redirectUris,
      client.grantTypes,
      client.scope,
    ],
  );
}
