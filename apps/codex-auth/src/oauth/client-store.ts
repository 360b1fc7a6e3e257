import type { Queryable } from '@codex-gateways/database';
import type { ClientAssertionAlgorithm } from '@codex-gateways/tokens';
import type { ClientAuthMethod, Jwk, OAuthClient } from './clients.ts';

interface ClientRow {
  client_id: string;
  client_name: string;
  token_endpoint_auth_method: ClientAuthMethod;
  client_secret_digest: Buffer | null;
  jwks: Jwk[] | null;
  signing_alg: ClientAssertionAlgorithm | null;
  redirect_uris: string[];
  grant_types: string[];
  scope: string;
  metadata: Record<string, unknown>;
}

export async function findClient(db: Queryable, clientId: string): Promise<OAuthClient | undefined> {
  const found = await db.query<ClientRow>({
    name: 'find-client',
    text: `select client_id, client_name, token_endpoint_auth_method, client_secret_digest, jwks, signing_alg, redirect_uris,
                  grant_types, scope, metadata
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
      keys: row.jwks ?? undefined,
      signingAlg: row.signing_alg ?? undefined,
      redirectUris: row.redirect_uris,
      grantTypes: row.grant_types,
      scope: row.scope,
      metadata: row.metadata,
    }
  );
}

export async function insertClient(db: Queryable, client: OAuthClient): Promise<void> {
  await db.query(
    `insert into codex_auth.oauth_clients
            (client_id, client_name, token_endpoint_auth_method, client_secret_digest, jwks, signing_alg, redirect_uris,
             grant_types, scope, metadata)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    toRow(client),
  );
}

export async function updateClient(db: Queryable, client: OAuthClient): Promise<void> {
  await db.query(
    `update codex_auth.oauth_clients
        set client_name = $2, token_endpoint_auth_method = $3, client_secret_digest = $4, jwks = $5, signing_alg = $6,
            redirect_uris = $7, grant_types = $8, scope = $9, metadata = $10
      where client_id = $1`,
    toRow(client),
  );
}

export async function deleteClient(db: Queryable, clientId: string): Promise<void> {
  await db.query('delete from codex_auth.oauth_clients where client_id = $1', [clientId]);
}

function toRow(client: OAuthClient): readonly unknown[] {
  return [
    client.clientId,
    client.clientName,
    client.tokenEndpointAuthMethod,
    client.clientSecretDigest,
    client.keys && JSON.stringify(client.keys),
    client.signingAlg,
    client.redirectUris,
    client.grantTypes,
    client.scope,
    JSON.stringify(client.metadata ?? {}),
  ];
}
